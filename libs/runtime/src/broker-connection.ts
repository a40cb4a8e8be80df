import { ClientTCP, type TcpSocket } from '@nestjs/microservices';
import { lastValueFrom, timeout, TimeoutError } from 'rxjs';
import type { ConnectionOptions } from 'node:tls';
import type { Secret } from './secret';

export interface BrokerAddress {
  host: string;
  port: number;
  secret: Secret;
  /** How long to wait for an answer; the broker itself waits for STS. */
  timeoutMs?: number;
  /** With which it is asked. Plain TCP has to be said, or a caller that forgets it would send the secret in clear text. */
  tls: ConnectionOptions | undefined;
}

/** The way to the broker: a connection that is made when the first question is asked, and left when it answers nothing any more. */
export class BrokerConnection {
  private connection: Connection;

  constructor(private readonly address: BrokerAddress) {
    this.connection = new Connection(address);
  }

  /**
   * Asks with the secret, which the broker wants to see before anything else.
   *
   * @throws TimeoutError if there was no answer in time, or what broke on the way
   */
  async ask(pattern: string, request: object): Promise<unknown> {
    const { connection } = this;
    try {
      return await connection.ask(pattern, { ...request, secret: this.address.secret.reveal() });
    } catch (error) {
      if (error instanceof TimeoutError) this.leave(connection);
      throw error;
    }
  }

  close(): void {
    this.connection.leave();
  }

  /** Whoever asks next connects anew: a path that died without a word would swallow every question until the system gives it up. */
  private leave(connection: Connection): void {
    if (this.connection !== connection) return; // another question of the same connection came to this before
    this.connection = new Connection(this.address);
    connection.leave();
  }
}

/** One connection; it is made when the first question is asked. */
class Connection {
  private readonly client: KeptAliveClient;
  private readonly timeoutMs: number;
  private underWay = 0;
  private isLeft = false;

  constructor({ host, port, tls, timeoutMs = 15_000 }: BrokerAddress) {
    this.client = new KeptAliveClient({
      host,
      port,
      maxBufferSize: 1024 * 1024,
      ...(tls === undefined ? {} : { tlsOptions: tls }),
    });
    this.timeoutMs = timeoutMs;
  }

  async ask(pattern: string, request: object): Promise<unknown> {
    this.underWay++;
    try {
      const sent = this.client.send<unknown>(pattern, request);
      return await lastValueFrom(sent.pipe(timeout(this.timeoutMs)));
    } finally {
      this.underWay--;
      this.endIfDone();
    }
  }

  /** Asks nothing any more. What is under way may still be answered: one question that got no answer does not say that none will. */
  leave(): void {
    this.isLeft = true;
    this.endIfDone();
  }

  private endIfDone(): void {
    if (this.isLeft && this.underWay === 0) this.client.destroy();
  }
}

const KEEP_ALIVE_MS = 10_000;

class KeptAliveClient extends ClientTCP {
  /** Closing kindly would wait for a path that is dead. */
  destroy(): void {
    this.socket?.netSocket.destroy();
    this.close();
  }

  override createSocket(): TcpSocket {
    const socket = super.createSocket();
    socket.netSocket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  }
}
