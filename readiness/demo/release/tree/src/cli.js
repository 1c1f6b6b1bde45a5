const { accessSync, constants } = require("node:fs");
const [option, value] = process.argv.slice(2);

function main() {
  switch (option) {
    case "--version":
      console.log(VERSION);
      return 0;
    case "--help":
      console.log("usage: cli.js [--version] [--help] [--check FILE] [--port N --config FILE]");
      return 0;
    case "--check":
      try {
        accessSync(value || "", constants.R_OK);
        return 0;
      } catch {
        console.error(`cli.js: ${value || "no file"} cannot be read`);
        return 1;
      }
    case "--port":
      return serve(Number(value));
    default:
      console.error(`cli.js: cannot do '${process.argv.slice(2).join(" ")}'`);
      return 2;
  }
}

// the smallest hub there is: it says that it is ready, and knows its catalogue
function serve(port) {
  const health = { status: "ok", state: "ready", server_id: "mcp-hub", version: VERSION, servers: [] };
  const server = require("node:http").createServer((request, response) => {
    const known = { "/api/health": health, "/api/tools": { tools: CATALOGUE } }[request.url];
    response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(known || { error: "not found" }));
  });
  server.listen(port, "127.0.0.1");
  process.on("SIGTERM", () => server.close(() => process.exit(0)));
  return undefined;
}

const status = main();
if (status !== undefined) process.exitCode = status;
