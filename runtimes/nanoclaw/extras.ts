import { CLAWFLEETS, type Rules } from "../extras.ts";
import { schema } from "./native.ts";

/** All of the keys in native.ts but the ports. */
export const EXTRAS: Rules = {
  title: "NanoClaw",
  schema,
  owned: [
    { native: ["gateway", "port"], why: CLAWFLEETS },
    { native: ["gateway", "agentsPort"], why: CLAWFLEETS },
  ],
  tables: true,
  entries: false,
};
