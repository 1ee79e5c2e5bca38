/**
 * A forward proxy for tests, a program of its own: `node forwardProxy.ts ADDRESS PORT LOGIN NAME=ADDRESS:PORT…`. It asks for the login
 * `user:password`, knows names that its clients cannot resolve, and prints a line when it listens, and one for each request:
 * `GET host path`, or `CONNECT host:port`.
 */
import { createServer, request } from "node:http";
import { connect, type Socket } from "node:net";

const [address, port, login, ...names] = process.argv.slice(2);
if (!address || !port || !login) throw new Error("usage: forwardProxy.ts ADDRESS PORT LOGIN NAME=ADDRESS:PORT…");
const places = new Map(names.map((name) => name.split("=") as [string, string]));
const expected = `Basic ${Buffer.from(login).toString("base64")}`;
const refusal = { "Proxy-Authenticate": 'Basic realm="test"' };

/** Host and port behind a name. */
function placeOf(host: string, standard: number): { host: string; port: number } {
  const [name = "", own] = (places.get(host) ?? host).split(":");
  return { host: name, port: Number(own ?? standard) };
}

createServer((incoming, outgoing) => {
  if (incoming.headers["proxy-authorization"] !== expected) {
    outgoing.writeHead(407, refusal).end();
    return;
  }
  const { hostname, port: urlPort, pathname, search } = new URL(incoming.url ?? "");
  console.log(`${incoming.method ?? ""} ${hostname} ${pathname}`);
  const place = placeOf(hostname, Number(urlPort || 80));
  const onward = request({ ...place, method: incoming.method, path: pathname + search, headers: incoming.headers });
  onward.on("response", (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  onward.on("error", () => {
    outgoing.writeHead(502).end();
  });
  incoming.pipe(onward);
})
  .on("connect", (incoming, socket: Socket) => {
    console.log(`CONNECT ${incoming.url ?? ""}`);
    if (incoming.headers["proxy-authorization"] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
      return;
    }
    const [name = "", standard] = (incoming.url ?? "").split(":");
    const { host, port: onwardPort } = placeOf(name, Number(standard));
    const onward = connect(onwardPort, host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket])
      end.on("error", () => {
        onward.destroy();
        socket.destroy();
      });
  })
  .listen(Number(port), address, () => {
    console.log("listening");
  });
