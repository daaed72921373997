import type { Descriptor } from "../runtime.ts";
import { type Companions, composeSections } from "./compose.ts";
import { layoutHere } from "./layout.ts";

/** Come up when nobody says which: their images need package registries only. Every other one has to be asked for. */
const BY_DEFAULT: ReadonlySet<string> = new Set(["openclaw", "picoclaw", "zeroclaw"]);

/** `docker-compose.fleet.yml`, for the root: every runtime once, each in a network and on a volume of its own. */
export function fleetCompose(members: readonly { readonly descriptor: Descriptor; readonly companions: Companions }[]): string {
  const names = members.map(({ descriptor }) => descriptor.name);
  const others = names.filter((name) => !BY_DEFAULT.has(name));
  return [
    "# One claw of every runtime with nothing but Docker (Compose 2.30 or newer). Written by `node runtimes/generate.ts`; what is edited here is lost.",
    "#",
    "#   cp runtimes/openclaw/.env.example runtimes/openclaw/.env     then fill it in; so for each runtime that is to run",
    `#   docker compose -f docker-compose.fleet.yml up --wait          ${names.filter((name) => BY_DEFAULT.has(name)).join(", ")}`,
    "#   docker compose -f docker-compose.fleet.yml up --wait NAME     that one alone, or several",
    ...(others.length === 0
      ? []
      : [
          `#   docker compose -f docker-compose.fleet.yml --profile NAME up --wait    the default and one of ${others.join(", ")}`,
          "#   docker compose -f docker-compose.fleet.yml --profile all up --wait     all",
        ]),
    "#   docker compose -f docker-compose.fleet.yml --profile all down          their data stays; with -v it goes too",
    "#",
    "# A claw's port and limits come from the shell or from .env here: OPENCLAW_PORT, OPENCLAW_MEMORY, ... as in its own docker-compose.yml.",
    "name: clawfleet",
    ...composeSections(
      members.map(({ descriptor, companions }) => ({
        descriptor,
        companions,
        place: {
          from: ".",
          layout: layoutHere(descriptor.name),
          prefix: descriptor.envPrefix,
          network: descriptor.name,
          volume: descriptor.name,
          ...(BY_DEFAULT.has(descriptor.name) ? {} : { profiles: [descriptor.name, "all"] }),
        },
      })),
    ),
    "",
  ].join("\n");
}
