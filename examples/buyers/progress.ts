export interface Progress {
  show(what: string, done: number, total: number): void;
  clear(): void;
}

const redrawEveryMs = 100;

/** Shows progress on one line that is drawn anew or, where that cannot be, on a plain line for every quarter. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? updatingLine(stream) : plainLines(stream);
}

function updatingLine(stream: NodeJS.WriteStream): Progress {
  let drawnAt = -Infinity;
  return {
    show(what, done, total) {
      if (done < total && performance.now() - drawnAt < redrawEveryMs) return;
      drawnAt = performance.now();
      stream.write(`\r\x1b[2K${text(what, done, total)}`);
    },
    clear() {
      stream.write("\r\x1b[2K");
    },
  };
}

function plainLines(stream: NodeJS.WriteStream): Progress {
  let last = "";
  return {
    show(what, done, total) {
      const line = text(what, Math.floor((done / total) * 4), 4);
      if (line === last) return;
      last = line;
      stream.write(`${text(what, done, total)}\n`);
    },
    clear() {},
  };
}

function text(what: string, done: number, total: number): string {
  return `${what}: ${done} of ${total}`;
}
