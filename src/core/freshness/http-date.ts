/**
 * HTTP-date (RFC 9110, 5.6.7) to milliseconds since 1970: IMF-fixdate and the two obsolete forms.
 * Matched without regard to case, and with no zone but GMT, as RFC 9111, 4.2 wants it of caches.
 */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const weekday = "(?:mon|tue|wed|thu|fri|sat|sun)";
const longWeekday = "(?:mon|tues|wednes|thurs|fri|satur|sun)day";
const time = "(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})";
const forms: readonly RegExp[] = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^${weekday}, (?<day>\\d{2}) (?<month>[a-z]{3}) (?<year>\\d{4}) ${time} gmt$`, "i"),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^${longWeekday}, (?<day>\\d{2})-(?<month>[a-z]{3})-(?<year>\\d{2}) ${time} gmt$`, "i"),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^${weekday} (?<month>[a-z]{3}) (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`, "i"),
];

/** Undefined when `text` is no date. `nowMs` settles which century a year of two digits is in. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of forms) {
    const parts = form.exec(text.trim())?.groups;
    if (parts === undefined) continue;
    const month = months.indexOf(parts["month"]!.toLowerCase());
    const day = Number(parts["day"]);
    const hour = Number(parts["hour"]);
    const minute = Number(parts["minute"]);
    const second = Number(parts["second"]);
    if (month < 0 || hour > 23 || minute > 59 || second > 60) return undefined;
    const year = parts["year"]!.length === 2 ? fullYear(Number(parts["year"]), nowMs) : Number(parts["year"]);
    if (day < 1 || day > daysInMonth(year, month)) return undefined;
    return ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
  }
  return undefined;
}

/** More than 50 years ahead means the last century (RFC 9110, 5.6.7). */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = 1970 + Math.floor(nowMs / (365.2425 * 86_400_000));
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 1) return [3, 5, 8, 10].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** Days from 1970-01-01 in the Gregorian calendar, counting years from March so that leap days come last. */
function daysSince1970(year: number, month: number, day: number): number {
  const shifted = month < 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * ((month + 10) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leapDays + dayOfYear - 719_468;
}
