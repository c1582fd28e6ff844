import { DelayingProxy } from "./delaying-proxy";

// A process of its own: in that of the contenders, the proxy could pass nothing on while they compute.
const [host, port, latencyMs] = process.argv.slice(2);
// Ctrl-C in a terminal comes here too; the benchmark still has to clean up through the proxy.
process.on("SIGINT", () => undefined);
process.once("disconnect", () => process.exit(0));
void DelayingProxy.before(host!, Number(port), Number(latencyMs)).then((proxy) => process.send?.(proxy.port));
