// What both servers share: the contract, the gRPC plumbing, start and stop.
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

export const { status } = grpc;
export const PORT = Number(process.env.PORT ?? 46010);
export const HOST = process.env.HOST ?? '127.0.0.1';
export const POOL = Number(process.env.POOL ?? 10);
const WORKERS = Number(process.env.WORKERS ?? 1);

export const PROTO = fileURLToPath(new URL('../baseline.proto', import.meta.url));
const definition = protoLoader.loadSync(PROTO, { longs: Number, enums: String, defaults: false, arrays: true });
export const Chat = grpc.loadPackageDefinition(definition).baseline.v1.Chat;

export class RpcError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export function pageSize(limit) {
  return limit > 0 ? Math.min(limit, 100) : 50;
}

const unary = (fn) => (call, callback) => {
  Promise.resolve(fn(call.request)).then(
    (reply) => callback(null, reply),
    (error) => {
      if (error instanceof RpcError) return callback({ code: error.code, details: error.message });
      console.error(error);
      callback({ code: status.INTERNAL, details: 'internal error' });
    },
  );
};

/** open() -> { handlers, close }; `service` may bring its own (de)serialisers. */
export async function serve(open, service = Chat.service) {
  if (WORKERS > 1 && cluster.isPrimary) {
    for (let i = 0; i < WORKERS; i++) cluster.fork();
    let stopping = false;
    const stop = () => {
      stopping = true;
      for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    cluster.on('exit', () => {
      if (Object.keys(cluster.workers).length === 0) process.exit(stopping ? 0 : 1);
    });
    return;
  }
  const { handlers, close } = await open();
  const server = new grpc.Server();
  server.addService(service, Object.fromEntries(Object.entries(handlers).map(([name, fn]) => [name, unary(fn)])));
  await new Promise((resolve, reject) => {
    server.bindAsync(`${HOST}:${PORT}`, grpc.ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  console.log(`listening on ${HOST}:${PORT}, pid ${process.pid}`);
  const stop = () => {
    setTimeout(() => server.forceShutdown(), 2000).unref();
    server.tryShutdown(async () => {
      await close();
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

// Whoever measures holds the other end of stdin: a server must not outlive a measurement that was killed.
if (process.env.EXIT_WITH_STDIN === '1' && cluster.isPrimary) process.stdin.on('end', () => process.exit(0)).resume();
