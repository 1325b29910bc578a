"""An independent rater: bills from histories, in decimal arithmetic, written from the rules of the design alone.

Reads one history per line (JSON, see history.ts) and writes one bill per line. Shares no code, no formula and no calendar with the
product: periods come from datetime, amounts are Decimals of the major unit, and caps are found by solving each price for its usage
instead of searching.
"""
import json
import sys
from calendar import monthrange
from datetime import datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, getcontext

getcontext().prec = 90  # every sum and product here is exact; a quotient errs far below any tie

EXPONENTS = {"USD": 2, "JPY": 0, "BHD": 3, "CLF": 4}
UNLIMITED = Decimal(2**52) / 1000  # the largest amount that a quota can count, in tokens
MILLI = Decimal("0.001")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def tokens(number):
    """A quantity of the policy: a JSON number that is a multiple of 0.001."""
    return Decimal(repr(number)).quantize(MILLI)


def anchor_in(year, month, day):
    """Midnight UTC of the anchor day, or of the month's last day if the month is shorter. Milliseconds of Unix time."""
    date = datetime(year, month, min(day, monthrange(year, month)[1]), tzinfo=timezone.utc)
    return (date - EPOCH) // timedelta(milliseconds=1)


def month_of(at_ms, day):
    """The anchored month that contains a moment."""
    date = EPOCH + timedelta(milliseconds=at_ms)
    months = [date.year * 12 + date.month - 1 + step for step in (-1, 0, 1, 2)]
    starts = [anchor_in(number // 12, number % 12 + 1, day) for number in months]
    return max((start, end) for start, end in zip(starts, starts[1:]) if start <= at_ms < end)


def cost(price, used):
    """What `used` tokens cost."""
    if used <= 0:
        return Decimal(0)
    if price["model"] == "unit":
        return used * Decimal(price["unit"])
    if price["model"] == "package":
        begun = (used - tokens(price.get("free", 0))) / tokens(price["size"])
        return max(Decimal(0), begun.to_integral_value(ROUND_CEILING)) * Decimal(price["price"])
    total, start = Decimal(0), Decimal(0)
    for tier in price["tiers"]:
        end = UNLIMITED * 1000 if tier["upTo"] is None else tokens(tier["upTo"])
        unit, flat = Decimal(tier.get("unit", "0")), Decimal(tier.get("flat", "0"))
        if price["model"] == "volume":
            if start < used <= end:
                return used * unit + flat
        elif used > start:
            total += (min(used, end) - start) * unit + flat
        start = end
    return total


def whole(amount):
    """Whole millitokens, rounded down."""
    return amount.quantize(MILLI, ROUND_FLOOR)


def affordable(price, money):
    """The most tokens that cost at most `money`; for prices that never fall."""
    if price["model"] == "unit":
        unit = Decimal(price["unit"])
        return UNLIMITED if unit == 0 else min(UNLIMITED, whole(money / unit))
    if price["model"] == "package":
        each, free = Decimal(price["price"]), tokens(price.get("free", 0))
        if each == 0:
            return UNLIMITED
        packages = (money / each).to_integral_value(ROUND_FLOOR)
        return min(UNLIMITED, free + packages * tokens(price["size"]))
    best, start, spent = Decimal(0), Decimal(0), Decimal(0)
    for tier in price["tiers"]:
        end = UNLIMITED if tier["upTo"] is None else min(UNLIMITED, tokens(tier["upTo"]))
        unit, flat = Decimal(tier.get("unit", "0")), Decimal(tier.get("flat", "0"))
        if start >= UNLIMITED:
            break
        left = money - spent - flat
        if left >= 0:
            most = end if unit == 0 else start + whole(left / unit)
            if price["model"] == "volume":
                most = end if unit == 0 else whole(left / unit)
            if most > start:
                best = min(end, most)
        if price["model"] == "graduated":
            spent += flat + (end - start) * unit
        start = end
    return best


def falls(price):
    """Whether a price can fall: only where a volume tier begins."""
    if price["model"] != "volume":
        return False
    steps = [tokens(tier["upTo"]) for tier in price["tiers"] if tier["upTo"] is not None]
    return any(cost(price, step + MILLI) < cost(price, step) for step in steps)


class Rater:
    """One history."""

    def __init__(self, history):
        self.history = history
        self.minor = Decimal(1).scaleb(-EXPONENTS[history["currency"]])
        self.start = history["startMs"]
        month_start, self.end = month_of(self.start, history["anchorDay"])
        self.full = Decimal(self.end - month_start)
        customer = history["customer"]
        self.percents = [
            Decimal(rate["percent"])
            for rate in history["taxes"]
            if rate["country"] == customer["country"] and not customer["taxExempt"]
        ]
        self.credits = sorted(
            (
                credit
                for credit in history["credits"]
                if credit["effectiveMs"] < self.end
                and (credit["expiresMs"] is None or credit["expiresMs"] >= self.start)
                and int(credit["leftMinor"]) > 0
            ),
            key=lambda credit: (
                float("inf") if credit["expiresMs"] is None else credit["expiresMs"],
                credit["effectiveMs"],
                credit["id"],
            ),
        )

    def rounded(self, amount):
        return amount.quantize(self.minor, ROUND_HALF_UP)  # ROUND_HALF_UP of decimal: ties away from zero

    def taxes(self, subtotal):
        return [self.rounded(subtotal * percent / 100) for percent in self.percents]

    def segments(self):
        found = [{"start": self.start, "tier": self.history["tiers"][0], "usage": []}]
        for event in self.history["events"]:
            if event["kind"] == "use":
                found[-1]["usage"].append(event)
            elif event["atMs"] <= found[-1]["start"]:
                found[-1]["tier"] = self.history["tiers"][event["tier"]]
            else:
                found.append({"start": event["atMs"], "tier": self.history["tiers"][event["tier"]], "usage": []})
        for segment, after in zip(found, found[1:] + [{"start": self.end}]):
            segment["end"] = after["start"]
        return found

    def used(self, segment, of, route=None):
        rows = [row for row in segment["usage"] if route is None or row["route"] == route]
        if of == "count":
            return Decimal(sum(row["count"] for row in rows))
        return Decimal(sum(row["costMilli"] for row in rows if row["unit"] == of)) / 1000

    def included(self, segment, granted):
        quota = segment["tier"]["quota"]
        share = Decimal(segment["end"] - segment["start"]) * tokens(quota["amount"]) / self.full
        return share.quantize(MILLI, ROUND_CEILING) + granted

    def room(self, mode, lines):
        """What caps leave for overage; None without a cap."""
        rooms = []
        for cap in (self.history["spendCap"], self.history["budget"]):
            if cap is not None:
                spent = sum(amount for kind, _, amount in lines if kind == "overage")
                rooms.append(Decimal(cap).quantize(self.minor, ROUND_FLOOR) - spent)
        if mode == "prepaid":
            rooms.append(self.before_tax() - sum(amount for _, _, amount in lines))
        return max(Decimal(0), min(rooms)) if rooms else None

    def before_tax(self):
        """The largest subtotal that the balance pays with its tax."""
        balance = sum(int(credit["leftMinor"]) for credit in self.credits) * self.minor
        guess = (balance / (1 + sum(self.percents, Decimal(0)) / 100)).quantize(self.minor, ROUND_FLOOR)
        subtotal = max(Decimal(0), guess - 4 * self.minor)
        while subtotal + self.minor + sum(self.taxes(subtotal + self.minor)) <= balance:
            subtotal += self.minor
        return subtotal

    def bill(self):
        lines, counted, before, unpaid = [], set(), {}, []
        segments = self.segments()
        for index, segment in enumerate(segments):
            plan, quota = segment["tier"]["plan"], segment["tier"]["quota"]
            share = Decimal(segment["end"] - segment["start"])
            own = []
            base = Decimal(plan.get("base", "0"))
            if base > 0:
                own.append(("base", index, self.rounded(base * share / self.full)))
            stop = None
            if quota is not None:
                granted = Decimal(0)
                for number, grant in enumerate(self.history["grants"]):
                    overlaps = grant["fromMs"] < segment["end"] and grant["untilMs"] > segment["start"]
                    if overlaps and grant["limit"] == quota["name"] and number not in counted:
                        counted.add(number)
                        granted += tokens(grant["amount"])
                included = self.included(segment, granted)
                price, mode = quota["overage"].get("price"), quota["overage"]["mode"]
                unit = quota.get("unit", "requests")
                room = self.room(mode, lines)
                over = self.used(segment, unit) - included
                # What nobody has paid for so far is used instead of what is included now.
                instead = sum(
                    (amount for of, charges, amount in unpaid if of == unit and (charges or price is None)),
                    Decimal(0),
                )
                free = before.get(unit, Decimal(0)) + max(Decimal(0), included - instead)
                if price is not None and over > 0:
                    charge = self.rounded(cost(price, over))
                    own.append(("overage", index, charge if room is None else min(charge, room)))
                if price is None:
                    stop = free
                elif room is None:
                    stop = None if falls(price) else UNLIMITED
                elif not falls(price):
                    stop = free + affordable(price, room)
                if over > 0 and price is None:
                    unpaid.append((unit, False, over))
                elif over > 0 and room is not None and charge > room:
                    unpaid.append((unit, True, over - (Decimal(0) if falls(price) else affordable(price, room))))
            for priced in plan.get("prices", []):
                used = self.used(segment, priced["of"], priced["route"])
                if used > 0:
                    own.append(("usage", index, self.rounded(cost(priced["price"], used))))
            minimum = self.rounded(Decimal(plan.get("minimum", "0")) * share / self.full)
            missing = minimum - sum(amount for _, _, amount in own)
            if missing > 0:
                own.append(("minimum", index, missing))
            lines += own
            for of in ("requests", "tokens"):
                before[of] = before.get(of, Decimal(0)) + self.used(segment, of)
        subtotal = sum((amount for _, _, amount in lines), Decimal(0))
        taxes = self.taxes(subtotal)
        total = subtotal + sum(taxes)
        due, paid = total, []
        for credit in self.credits:
            amount = min(int(credit["leftMinor"]) * self.minor, due)
            if amount > 0:
                paid.append([credit["id"], self.whole_minor(amount)])
            due -= amount
        return {
            "period": [self.start, self.end, int(self.full)],
            "lines": [[kind, index, self.whole_minor(amount)] for kind, index, amount in lines],
            "subtotal": self.whole_minor(subtotal),
            "taxes": [self.whole_minor(tax) for tax in taxes],
            "total": self.whole_minor(total),
            "credits": paid,
            "due": self.whole_minor(due),
            "stopMilli": None if stop is None else int(min(stop, UNLIMITED) * 1000),
        }

    def whole_minor(self, amount):
        minor = amount / self.minor
        assert minor == minor.to_integral_value(), "not a whole number of minor units"
        return str(int(minor))


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(Rater(json.loads(line)).bill(), separators=(",", ":")))
