import { label } from "../components/docker/names.ts";
import { findContainers, ifThere } from "./docker.ts";
import { confirmed, destroy, volumesOf } from "./down.ts";
import { dockerStatus } from "./errors.ts";
import { Stack } from "./stack.ts";
import { note, say } from "./terminal.ts";

/**
 * Removes all that a stack has on its daemon: containers, networks, volumes with all data, and images that nothing else
 * uses. Asks first. The stack itself, its config and secrets stay.
 */
export async function clean(stackName: string, yes: boolean): Promise<number> {
  const stack = await Stack.read(stackName);
  const docker = await stack.docker();
  const volumes = await volumesOf(docker, stackName);
  const images = new Map(stack.inventory.map(({ runtime, version, imageDigest }) => [imageDigest, `${runtime} ${version}`]));
  const what = volumes.length > 0 ? `the data of ${volumes.length} claws (${volumes.join(", ")})` : "no data";
  if (!(await confirmed(`Removes stack "${stackName}" from Docker, with ${what}. Go on?`, yes))) {
    note("nothing is changed");
    return 1;
  }
  if (stack.state !== undefined) {
    const code = await destroy(stack, docker);
    if (code !== 0) return code;
  }
  for (const { id, name } of await findContainers(docker, stackName)) {
    await docker.getContainer(id).remove({ force: true });
    say(`removed container ${name}`);
  }
  for (const { Id, Name } of await docker.listNetworks({ filters: { label: [`${label.stack}=${stackName}`] } })) {
    await docker.getNetwork(Id).remove();
    say(`removed network ${Name}`);
  }
  for (const name of volumes) {
    await ifThere(docker.getVolume(name).remove());
    say(`removed volume ${name}`);
  }
  for (const [id, name] of images) {
    try {
      await ifThere(docker.getImage(id).remove());
      say(`removed image ${name}`);
    } catch (error) {
      if (dockerStatus(error) !== 409) throw error;
      say(`kept image ${name}: something else uses it`);
    }
  }
  return 0;
}
