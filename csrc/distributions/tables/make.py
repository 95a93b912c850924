"""Writes the tables of the mixtures' components, logistic.inl and gaussian.inl, in exact decimal arithmetic.

    python csrc/distributions/tables/make.py

A component's distribution function is the integral of a density that is linear between nodes z = i/64,
so that it increases by construction. Given f, the density with the right integral over every interval is
g = tanh(hD/2) / (hD/2) f = f − h² f″ / 12 + h⁴ f⁗ / 120 − …, for h = 1/64 and the derivative D: sums of
trapezoids over g are integrals of f within 1e-13. What is written is h g(i/64) / 2, in units of 2⁻⁵².
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path

STEPS = 64  # nodes a unit
BITS = 52  # of the fixed point: whole numbers up to 2⁵² are exact in float64
PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
PER_LINE = 8


def logistic(z: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """The logistic density at z ≥ 0, its second and its fourth derivative."""
    odds = (-z).exp()
    f = odds / (1 + odds) ** 2
    return f, f * (1 - 6 * f), f * (1 - 30 * f + 120 * f * f)


def gaussian(z: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """The Gaussian density at z, its second and its fourth derivative."""
    f = (-z * z / 2).exp() / (2 * PI).sqrt()
    return f, f * (z**2 - 1), f * (z**4 - 6 * z**2 + 3)


def nodes(density: Callable[[Decimal], tuple[Decimal, Decimal, Decimal]], reach: int) -> list[int]:
    """h g / 2 at z = 0, 1/64, …, reach, in units of 2⁻⁵², such that the half line holds exactly one half."""
    with localcontext() as context:
        context.prec = 50
        h, halves = Decimal(1) / STEPS, []
        for i in range(reach * STEPS + 1):
            f, second, fourth = density(i * h)
            g = f - h**2 * second / 12 + h**4 * fourth / 120
            halves.append(int((2**BITS * h * g / 2).to_integral_value()))
    halves[0] += 2 ** (BITS - 1) - (halves[0] + 2 * sum(halves[1:-1]) + halves[-1])  # what rounding and the tail left
    return halves


def text(name: str, values: list[int]) -> str:
    """The file that C++ includes."""
    lines = [
        f"// {name}: h g(i / {STEPS}) / 2 for i = 0 … {len(values) - 1}, in units of 2^-{BITS}; written by make.py."
    ]
    lines.append("// clang-format off")
    for start in range(0, len(values), PER_LINE):
        lines.append(", ".join(str(value) for value in values[start : start + PER_LINE]) + ",")
    return "\n".join([*lines, ""])


TABLES = {"logistic": (logistic, 32), "gaussian": (gaussian, 8)}


def main() -> None:
    for name, (density, reach) in TABLES.items():
        path = Path(__file__).with_name(f"{name}.inl")
        path.write_text(text(name, nodes(density, reach)), encoding="utf-8")


if __name__ == "__main__":
    main()
