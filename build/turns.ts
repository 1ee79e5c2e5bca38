/** Turns at something that one at a time may have: in the order in which they are asked for. */
export class Turns {
  #last = Promise.resolve();

  /** Resolves when all turns before are over, with what ends this one. */
  async take(): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#last = promise;
    await before;
    return () => {
      resolve(undefined);
    };
  }
}
