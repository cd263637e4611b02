/** `darner preheat`: orders, how far they are, and taking them back. */

import type { Command } from "commander";
import { DarnerError } from "#base/mod.ts";
import { hostsWanted, imageUrl, preheatLine, type ListedPreheat } from "#clients/darner/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { sleep } from "#platform/machine/clock.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";
import { asking, type Ask } from "./asking/config-service-asker.ts";

const lookEveryMs = 500;

interface OrderOptions {
  readonly hosts?: string;
  readonly name?: readonly string[];
  readonly atSite?: readonly string[];
  readonly wait: boolean;
  readonly platform?: readonly string[];
  readonly registryUrl?: string;
  readonly credentials?: string;
}

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner preheat", "Have images and files in place before anybody asks for them.");
  const image = orderOptions(program.command("image").description("An image: its manifests, config and layers."));
  image.argument("<REF>", "as engines name it: docker.io/library/alpine:3.22");
  image.option("--platform <OS/ARCH...>", "only these of an image for several (default: all)");
  image.option("--registry-url <URL>", "where the registry is, when not at https://REGISTRY");
  image.option("--credentials <NAME>", "environment variable that holds USER:PASSWORD for the registry");
  asking(image, ({ ask }, [ref]) => ordered(ask, imageWish(ref!, image.opts()), image.opts()));
  const file = orderOptions(program.command("file").description("Files, by their URLs.")).argument("<URL...>");
  file.action(() => {});
  asking(file, ({ ask }) => ordered(ask, { what: { kind: "files", urls: file.args } }, file.opts()));
  const list = program.command("list").description("Show all orders that are kept.");
  asking(list, async ({ ask }) => {
    const { preheats } = await ask("GET", "/v1/preheats");
    return (preheats as readonly ListedPreheat[]).map(preheatLine).join("");
  });
  const cancel = program.command("cancel").description("Stop an order; what is there stays.").argument("<ID>");
  asking(cancel, async ({ ask }, [id]) =>
    preheatLine(asListed(await ask("DELETE", `/v1/preheats/${encodeURIComponent(id!)}`))),
  );
  await parseCommandLine(program, argv);
  return 0;
}

function orderOptions(command: Command): Command {
  return command
    .option("--hosts <N|P%|all>", "hosts that are to have it, too (default: the managers alone)")
    .option("--name <HOST...>", "only hosts of these names")
    .option("--at-site <SITE...>", "only hosts of these sites")
    .option("--no-wait", "return once it is ordered");
}

function imageWish(ref: string, options: OrderOptions): Record<string, unknown> {
  const variable = options.credentials;
  const credentials = variable === undefined ? undefined : process.env[variable];
  if (variable !== undefined && credentials === undefined)
    throw new DarnerError("usage", `cannot take credentials from ${variable}: there is no such environment variable`);
  const authorization =
    credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
  const url = imageUrl(ref, options.registryUrl);
  return { what: { kind: "image", url, platforms: options.platform ?? [] }, ...authorization };
}

async function ordered(ask: Ask, wish: Record<string, unknown>, options: OrderOptions): Promise<string> {
  const { hosts, name, atSite } = options;
  const named = { ...(name === undefined ? {} : { names: name }), ...(atSite === undefined ? {} : { sites: atSite }) };
  const choice =
    hosts === undefined && Object.keys(named).length === 0
      ? {}
      : { hosts: { ...hostsWanted(hosts ?? "all"), ...named } };
  let order = asListed(await ask("POST", "/v1/preheats", { ...wish, ...choice }));
  while (options.wait && order.state === "open") {
    await sleep(nodeClock, lookEveryMs);
    order = asListed(await ask("GET", `/v1/preheats/${order.id}`));
  }
  if (order.state !== "failed") return preheatLine(order);
  throw new DarnerError("cluster.refused", `the preheat failed: ${preheatLine(order).trim()}`);
}

function asListed(answer: Record<string, unknown>): ListedPreheat {
  return answer as unknown as ListedPreheat;
}
