/** Where a command says things, as a port: the two standard streams as text, and the terminal's width. */

export interface Terminal {
  /** Columns of the terminal that standard error is; undefined when it is none. Asked anew each time. */
  columns(): number | undefined;
  output(text: string): void;
  error(text: string): void;
}
