/** Draws the picture again and again in its place on a terminal; elsewhere a line every few seconds. */

import { noPaint, pictureLine, pictureLines, terminalPaint, type Paint, type Picture } from "./table.ts";

const drawEveryMs = 100;
const lineEveryMs = 2000;
const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

export class Screen {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: boolean;
  readonly paint: Paint;
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#live = stream.isTTY && process.env["TERM"] !== "dumb";
    this.paint = this.#live && !process.env["NO_COLOR"] ? terminalPaint : noPaint;
    // Whoever reads may stop reading; the demo still ends in order.
    stream.on("error", () => undefined);
  }

  say(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  /** Shows what `look` gives until `rest`. */
  animate(look: () => Picture): void {
    if (this.#live) this.#stream.write(hideCursor);
    const show = (): void => {
      if (this.#live) this.#draw(look());
      else this.say(pictureLine(look()));
    };
    if (this.#live) show();
    this.#timer = setInterval(show, this.#live ? drawEveryMs : lineEveryMs);
  }

  /** Leaves the last picture standing, and the terminal as it was. */
  rest(last?: Picture): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (last !== undefined) {
      if (this.#live) this.#draw(last);
      else for (const line of pictureLines(last, 100, this.paint)) this.say(line);
    }
    if (this.#live) this.#stream.write(showCursor);
  }

  #draw(picture: Picture): void {
    const lines = pictureLines(picture, this.#stream.columns || 80, this.paint);
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : "";
    // One write, each line overdrawn and then cut: nothing flickers.
    this.#stream.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join("")}`);
    this.#drawnLines = lines.length;
  }
}
