// Somebody's own small HTTP server, for tests to scaffold a runtime around: it says what its configuration says, and nothing secret of it.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const { host, port, greeting, token, model } = JSON.parse(readFileSync(process.argv[2], "utf8"));

const server = createServer((request, response) => {
  const known = request.headers.authorization === `Bearer ${token}`;
  if (request.url === "/up") response.end('{"state":"ready"}');
  else if (request.url === "/about" && known) response.end(JSON.stringify({ greeting, model: model.name, key: model.api_key.length }));
  else response.writeHead(request.url === "/about" ? 401 : 404).end();
});
server.listen(port, host);
process.once("SIGTERM", () => server.close());
