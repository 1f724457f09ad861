// The gamma functions that CUDA lacks (it has lgamma): ψ, the slope of log Γ, and the derivatives of ψ, for rows of
// Ops/Elementwise. GammaMath.cs has the same in C#, with the sources of the numbers. They use float64 for every type:
// these functions are rare, and in float32 their differences would lose digits.
#pragma once

constexpr double GammaPi = 3.14159265358979323846;

// x minus the nearest integer, which is exact.
__device__ __forceinline__ double beyondWhole(double x) { return x - rint(x); }

// c[0] + c[1]·x + …
template <int Count>
__device__ __forceinline__ double gammaPolynomial(double x, const double (&c)[Count])
{
    double sum = c[Count - 1];
#pragma unroll
    for (int i = Count - 2; i >= 0; i--) {
        sum = sum * x + c[i];
    }

    return sum;
}

// From 1 to 2: the distance from the zero of ψ times a quotient of polynomials; recurrences lead there. From 10 on: the
// series.
__device__ inline double digammaOfPositive(double x)
{
    if (x >= 10) {
        double z = 1 / x / x;
        const double series[] = {
            1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12, -3617.0 / 8160};
        return log(x) - 0.5 / x - z * gammaPolynomial(z, series);
    }

    double sum = 0;
    for (; x > 2; sum += 1 / x) {
        x -= 1;
    }

    if (x < 1) {
        sum = -1 / x;
        x += 1;
    }

    double distance =
        x - 1569415565.0 / 1073741824.0 - 381566830.0 / 1073741824.0 / 1073741824.0 - 9.016312093258695919e-20;
    const double numerator[] = {0.25479851061131551, -0.32555031186804491, -0.65031853770896507, -0.28919126444774784,
        -0.045251321448739056, -0.0020713321167745952};
    const double denominator[] = {1, 2.0767117023730469, 1.4606242909763515, 0.43593529692665969, 0.054151797245674225,
        0.0021284987017821144, -0.55789841321675513e-6};
    double quotient = gammaPolynomial(x - 1, numerator) / gammaPolynomial(x - 1, denominator);
    return sum + (distance * 0.99558162689208984 + distance * quotient);
}

// ψ(x); below 0 it uses reflection.
__device__ inline double digamma(double x)
{
    if (x > 0) {
        return digammaOfPositive(x);
    }

    // Negative infinity gives NaN. It uses sinpi and cospi, because sin and tan of float64 need local memory to reduce
    // large angles.
    double rest = beyondWhole(x), cotangent = cospi(rest) / sinpi(rest);
    return x == 0 ? -1 / x : rest == 0 ? infinity(x) - infinity(x) : digammaOfPositive(1 - x) - GammaPi * cotangent;
}

// n! / xⁿ, as a product of factors that neither overflow nor underflow.
__device__ inline double factorialByPower(int n, double x)
{
    double product = 1;
    for (int k = 1; k <= n; k++) {
        product *= k / x;
    }

    return product;
}

// n!·Σ (x + k)⁻ⁿ⁻¹: first term by term, then by the Euler-Maclaurin series with Bernoulli numbers.
__device__ inline double polygammaOfPositive(int n, double x)
{
    const double bernoulli[] = {
        1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510, 43867.0 / 798,
        -174611.0 / 330};
    double sum = 0;
    for (; x < 12 + n; x += 1) {
        sum += factorialByPower(n, x) / x;
    }

    double lead = factorialByPower(n - 1, x) / x, square = 1 / x / x;
    double power = 0.5 * n * (n + 1) * square, rest = 0.5 * n / x;
#pragma unroll
    for (int j = 1; j <= 10; j++) {
        rest += bernoulli[j - 1] * power;
        power *= (double)(2 * j + n) * (2 * j + n + 1) / ((2 * j + 1) * (2 * j + 2)) * square;
    }

    return sum + (lead + lead * rest);
}

// The derivative of ψ of an order, which is rounded, from 1 to 100; below 0 only of order 1, by reflection.
__device__ inline double polygamma(double order, double x)
{
    int n = order > 0.5 && order < 100.5 ? (int)rint(order) : 0;
    double none = infinity(x) - infinity(x);
    if (n == 0 || x != x) {
        return none;
    }

    bool isOdd = n % 2 == 1;
    if (x > 0) {
        double size = polygammaOfPositive(n, x);
        return isOdd ? size : -size;
    }

    double rest = beyondWhole(x), inverse = GammaPi / sinpi(rest);
    return isOdd && (rest == 0 || !(x > -infinity(x))) ? infinity(x)
        : x == 0 ? -1 / x
        : n == 1 ? inverse * inverse - polygammaOfPositive(1, 1 - x)
        : none;
}

__device__ inline float digamma(float x) { return (float)digamma((double)x); }
__device__ inline float polygamma(float order, float x) { return (float)polygamma((double)order, (double)x); }
