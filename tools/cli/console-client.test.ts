import { createServer, type AddressInfo } from 'node:net';
import { ConsoleClient } from './console-client';

test('a console that takes a request and never answers is not waited for', async () => {
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  try {
    const client = new ConsoleClient(`http://127.0.0.1:${port}`, 'Bearer key');
    await expect(client.get('/v1/tenants', { timeoutMs: 50 })).rejects.toMatchObject({
      status: 0,
      message: `no console answers at http://127.0.0.1:${port}: not in time`,
    });
  } finally {
    mute.close();
  }
});
