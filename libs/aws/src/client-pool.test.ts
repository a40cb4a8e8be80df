import { ClientPool } from './client-pool';

class Client {
  isDestroyed = false;
  destroy(): void {
    this.isDestroyed = true;
  }
}

test('a destination keeps its client until it is built from something else', () => {
  const pool = new ClientPool<Client>(10);
  const first = pool.get('a', 'session 1', () => new Client());
  expect(pool.get('a', 'session 1', () => new Client())).toBe(first);
  const second = pool.get('a', 'session 2', () => new Client());
  expect(second).not.toBe(first);
  expect(first.isDestroyed).toBe(true);
});

test('when there are too many, the one that was not used for longest goes', () => {
  const pool = new ClientPool<Client>(2);
  const clients = new Map(['a', 'b'].map((key) => [key, pool.get(key, '', () => new Client())]));
  pool.get('a', '', () => new Client());
  pool.get('c', '', () => new Client());
  expect(clients.get('a')?.isDestroyed).toBe(false);
  expect(clients.get('b')?.isDestroyed).toBe(true);
});
