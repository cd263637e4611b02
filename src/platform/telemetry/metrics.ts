/** Counters and gauges as a port, read out in Prometheus' text format. Names start with `darner_`. */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount: number, labels?: Labels): void;
}

export interface Metrics {
  /** Counts up only; `name` ends in `_total`. */
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  /** `read` is called at each scrape; a list gives one sample for each set of labels. */
  gauge(
    name: string,
    help: string,
    read: () => number | readonly { readonly labels: Labels; readonly value: number }[],
    labelNames?: readonly string[],
  ): void;
  /** Buckets in the name's unit. */
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly string[],
  ): { observe(value: number, labels?: Labels): void };
  text(): Promise<string>;
}
