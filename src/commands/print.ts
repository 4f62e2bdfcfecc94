// Writes on standard output, whatever became of it.

/** Resolves once it is written; a reader that went away (`| head`) is no error. False then. */
export function print(text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    process.stdout.once("error", () => {});
    process.stdout.write(text, (error) => {
      if (!error) resolve(true);
      else if ((error as NodeJS.ErrnoException).code === "EPIPE") resolve(false);
      else reject(error);
    });
  });
}

/** Whether what we say is read by a person. */
export const isTerminal = (): boolean => process.stderr.isTTY;
