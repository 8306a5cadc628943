"""Exact draws from binomial and Poisson distributions and of order statistics, by the standard library's generator.

Large ones are split at an order statistic until they are small (Ahrens and Dieter, "Computer methods for sampling from gamma, beta,
Poisson and binomial distributions", 1974): the number of steps grows with the logarithm, and nothing is approximated.
"""

from math import exp, log, log1p
from random import Random

_SMALL = 12
"""Below this expectation a draw goes event by event."""


def binomial(random: Random, trials: int, chance: float) -> int:
    """How many of `trials` came true."""
    if chance > 0.5:
        return trials - binomial(random, trials, 1 - chance)
    hits = 0
    while trials * chance > _SMALL:
        middle = 1 + trials // 2
        pivot = random.betavariate(middle, trials + 1 - middle)  # the middle one of `trials` uniform numbers
        if pivot >= chance:
            trials, chance = middle - 1, chance / pivot
        else:
            hits, trials, chance = hits + middle, trials - middle, (chance - pivot) / (1 - pivot)
        if chance > 0.5:
            return hits + trials - binomial(random, trials, 1 - chance)
    return hits + _one_by_one(random, trials, chance)


def _one_by_one(random: Random, trials: int, chance: float) -> int:
    """By the gaps between hits, which are geometric."""
    if trials <= 0 or chance <= 0:
        return 0
    hits, reached, scale = 0, 0, log1p(-chance)
    while True:
        reached += 1 + int(log(1 - random.random()) / scale)
        if reached > trials:
            return hits
        hits += 1


def poisson(random: Random, mean: float) -> int:
    """How many arrivals in a time in which `mean` are expected."""
    arrivals = 0
    while mean > _SMALL:
        ahead = int(0.875 * mean)
        reached = random.gammavariate(ahead, 1.0)  # when the arrival of this number comes
        if reached > mean:
            return arrivals + binomial(random, ahead - 1, mean / reached)
        arrivals, mean = arrivals + ahead, mean - reached
    floor, product = exp(-mean), random.random()
    while product > floor:
        arrivals, product = arrivals + 1, product * random.random()
    return arrivals


def rank(count: int, percentile: float) -> int:
    """Which of `count` ordered values is the percentile, counted from 1: the nearest rank."""
    return max(1, min(count, -int(-count * percentile // 100)))


def ranked(random: Random, count: int, at: int) -> float:
    """The value in place `at` of `count` ordered uniform numbers."""
    return random.betavariate(at, count + 1 - at)


def above(random: Random, count: int, at: int, pivot: float, level: float) -> int:
    """How many of `count` uniform numbers exceed `level`, given that the one in place `at` is `pivot`."""
    if level >= pivot:
        return binomial(random, count - at, (1 - level) / (1 - pivot))
    return count - at + 1 + binomial(random, at - 1, (pivot - level) / pivot)
