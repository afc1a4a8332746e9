"""
Random recurrence rules, and what python-dateutil makes of them, as JSON lines: `rule`, `zone`, `dates`,
which begin with a due date that the rule itself gives.

dateutil reckons in naive wall-clock time. What this file adds to it, each for a reason:
- A wall-clock time that a zone skips is left out, and not counted by COUNT (RFC 5545, 3.3.10: such an
  instance "MUST be ignored and MUST NOT be counted"). dateutil keeps and counts it.
- UNTIL and COUNT are therefore applied here, behind that: UNTIL to instants.
- Around the turn of a year, dateutil knows the next year's first week as week 1 alone, not as -52 or -53, and takes
  this year's length for that of the year before, so that it misjudges whether that one's last week is 52 or 53
  (`_iterinfo.rebuild`). These numbers are left out; -1, which it handles apart, is not.
- dateutil begins a weekly rule's first week at its start, so that BYSETPOS counts from there. RFC 5545 knows no
  such week: the rule is begun with the week, and what is before the start is left out.
- dateutil searches until the year 9999. Most rules are followed for 12 years here, some for 40, and one that gives
  nothing in 4 is left out: impossible rules have tests of their own.
"""

import itertools
import json
import random
import sys
import types
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import dateutil.rrule
from dateutil.rrule import rrulestr

# Where dateutil looks for the last year that it searches.
bounded = types.SimpleNamespace(**vars(dateutil.rrule.datetime))
dateutil.rrule.datetime = bounded

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "America/Santiago",
    "Asia/Kathmandu",
    "Africa/Casablanca",
]
LENGTH = 8


def some(rnd, low, high, most, negative=False):
    numbers = [n for n in range(-high if negative else low, high + 1) if n != 0 or low == 0]
    return ",".join(str(n) for n in sorted(rnd.sample(numbers, rnd.randint(1, most))))


def some_days(rnd, ordinals):
    days = []
    for day in rnd.sample(DAYS, rnd.randint(1, 4)):
        nth = rnd.choice([n for n in range(-ordinals, ordinals + 1) if n]) if ordinals and rnd.random() < 0.5 else ""
        days.append(f"{nth}{day}")
    return ",".join(days)


def random_rule(rnd, timed):
    """The rule's parts without UNTIL and COUNT; all that RFC 5545, 3.3.10 allows together."""
    freq = rnd.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = {"FREQ": freq}
    chance = lambda p: rnd.random() < p
    if chance(0.4):
        parts["INTERVAL"] = str(rnd.choice([1, 2, 2, 3, 4, 5, 6, 7, 10, 12, 13]))
    if chance(0.3):
        parts["BYMONTH"] = some(rnd, 1, 12, 4)
    if freq == "YEARLY" and chance(0.2):
        parts["BYWEEKNO"] = some(rnd, 1, 51, 3, negative=True)
    if freq == "YEARLY" and chance(0.2):
        parts["BYYEARDAY"] = some(rnd, 1, 366, 5, negative=True)
    if freq != "WEEKLY" and chance(0.4):
        parts["BYMONTHDAY"] = rnd.choice(["-1", "31", "29", "30", "1", "28,29,30,31", some(rnd, 1, 31, 6, negative=True)])
    if chance(0.45):
        ordinals = 0
        if freq == "MONTHLY" or (freq == "YEARLY" and "BYMONTH" in parts):
            ordinals = 5
        elif freq == "YEARLY":
            ordinals = 53
        if "BYWEEKNO" in parts:
            ordinals = 0
        parts["BYDAY"] = some_days(rnd, ordinals)
    if timed and chance(0.2):
        parts["BYHOUR"] = some(rnd, 0, 23, 3)
    if timed and chance(0.15):
        parts["BYMINUTE"] = some(rnd, 0, 59, 2)
    if timed and chance(0.1):
        parts["BYSECOND"] = some(rnd, 0, 59, 2)
    if any(name.startswith("BY") for name in parts) and chance(0.25):
        parts["BYSETPOS"] = some(rnd, 1, 8, 2, negative=True)
    if chance(0.25):
        parts["WKST"] = rnd.choice(DAYS)
    return parts


def random_start(rnd, timed):
    year = rnd.choice([rnd.randint(2024, 2032), 2096, 2000])
    day = rnd.choice(
        [
            datetime(year, 1, 1) + timedelta(days=rnd.randint(0, 365)),
            datetime(year, rnd.choice([1, 3, 5, 7, 8, 10, 12]), 31),
            datetime(year, 3, rnd.randint(25, 31)),
            datetime(year, 10, rnd.randint(1, 31)),
            datetime(2028, 2, 29),
        ]
    )
    if not timed:
        return day
    return day.replace(hour=rnd.choice([0, 1, 2, 2, 2, 3, rnd.randint(4, 23)]), minute=rnd.choice([0, 30, 59]))


def instant(wall, zone):
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(timezone.utc)


def exists(wall, zone):
    return instant(wall, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall


def form(wall, zone, timed):
    return instant(wall, zone).strftime("%Y-%m-%dT%H:%M:%S.000Z") if timed else wall.strftime("%Y-%m-%d")


def occurrences(text, start, zone, timed, years):
    """From `start` on, in order, those that there are in the zone, for so many years."""
    bounded.MAXYEAR = start.year + years
    begin = start
    if "FREQ=WEEKLY" in text and "BYSETPOS" in text:
        week_start = DAYS.index(text.split("WKST=")[1][:2]) if "WKST=" in text else 0
        begin = start - timedelta(days=(start.weekday() - week_start) % 7)
        if "BYDAY" not in text:
            text = f"{text};BYDAY={DAYS[start.weekday()]}"
    for wall in rrulestr(text, dtstart=begin).xafter(start, inc=True):
        if not timed or exists(wall, zone):
            yield wall


def random_case(rnd):
    timed = rnd.random() < 0.6
    zone = rnd.choice(ZONES) if timed else "UTC"
    parts = random_rule(rnd, timed)
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    start = random_start(rnd, timed)
    if timed and not exists(start, zone):
        return None
    first = next(occurrences(text, start, zone, timed, 4), None)
    if first is None:
        return None
    walls = list(itertools.islice(occurrences(text, first, zone, timed, 40 if rnd.random() < 0.03 else 12), LENGTH + 1))
    # A rule that ends before the list is full is over, or continues beyond what was followed.
    is_over = False
    ending = rnd.random()
    if ending < 0.25:
        count = rnd.randint(1, LENGTH)
        text = f"{text};COUNT={count}"
        is_over = len(walls) >= count
        walls = walls[:count]
    elif ending < 0.5:
        last = walls[rnd.randrange(len(walls))] + rnd.choice([timedelta(0), timedelta(hours=-1), timedelta(days=1)])
        if timed:
            until = instant(last, zone)
            text = f"{text};UNTIL={until.strftime('%Y%m%dT%H%M%SZ')}"
            kept = [wall for wall in walls if instant(wall, zone) <= until]
        else:
            text = f"{text};UNTIL={last.strftime('%Y%m%d')}"
            kept = [wall for wall in walls if wall.date() <= last.date()]
        is_over = len(kept) < len(walls)
        walls = kept
        if not walls:
            return None
    return {"rule": text, "zone": zone, "dates": [form(wall, zone, timed) for wall in walls], "over": is_over}


if __name__ == "__main__":
    seed, wanted = int(sys.argv[1]), int(sys.argv[2])
    rnd = random.Random(seed)
    made = 0
    while made < wanted:
        case = random_case(rnd)
        if case:
            made += 1
            print(json.dumps(case))
