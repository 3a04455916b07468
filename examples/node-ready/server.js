"use strict";

const http = require("node:http");

let visits = 0;

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/healthz") {
    response.end("ok\n");
  } else if (pathname === "/") {
    visits += 1;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ visits }) + "\n");
  } else {
    response.statusCode = 404;
    response.end("not found\n");
  }
});

server.listen(Number(process.env.PORT ?? 3000), "0.0.0.0", () => {
  console.log(`listening on port ${server.address().port}`);
});

// As process 1 of a container a program has no default signal handlers.
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
