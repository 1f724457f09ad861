using Engine.Graph;

namespace Engine.Ops;

/// <content>Functions of matrices, composed of products and index expressions.</content>
public static partial class Symbolic
{
    /// <summary>Raises a square matrix to the power of an integer that is not negative.</summary>
    /// <exception cref="EngineException">x is not a matrix, or the power is negative.</exception>
    public static Variable MatrixPower(Variable x, int power)
    {
        OfRank("matrixPower", x, 2);
        if (power < 0)
        {
            throw new EngineException(
                $"A matrix to the power of {power} needs its inverse, which is not here.{Origin.Current}");
        }

        Variable? result = null;
        for (Variable square = x; power > 0; power /= 2)
        {
            result = power % 2 == 0 ? result : result is null ? square : Dot(result, square);
            square = power > 1 ? Dot(square, square) : square;
        }

        return result ?? Cast(Eye(DimensionOf(x, 0)), x.DType.Floating());
    }

    /// <summary>
    /// Returns the products of all elements of a with all of b, as blocks of b: the Kronecker product of two matrices.
    /// </summary>
    /// <exception cref="EngineException">One of them is not a matrix.</exception>
    public static Variable Kron(Variable a, Variable b)
    {
        OfRank("kron", a, 2);
        OfRank("kron", b, 2);
        Variable blocks = DimShuffle(a, [0, NewAxis, 1, NewAxis]) * DimShuffle(b, [NewAxis, 0, NewAxis, 1]);
        return Reshape(blocks, DimensionOf(a, 0) * DimensionOf(b, 0), DimensionOf(a, 1) * DimensionOf(b, 1));
    }

    /// <summary>
    /// Returns the matrix of covariances of variables, one in each row, over observations, one in each column. The sums
    /// are divided by the number of observations minus <paramref name="ddof"/>.
    /// </summary>
    /// <exception cref="EngineException">x is not a matrix.</exception>
    public static Variable Cov(Variable x, double ddof = 1)
    {
        OfRank("cov", x, 2);
        Variable centered = x - Mean(x, [1], keepDims: true);
        return Dot(centered, Transpose(centered)) / (Count(centered, [1]) - ddof);
    }

    /// <summary>
    /// Returns a matrix with the same number along a diagonal, which begins <paramref name="offset"/> columns further
    /// right.
    /// </summary>
    /// <exception cref="EngineException">x is not a matrix.</exception>
    public static Variable FillDiagonal(Variable x, double value, int offset = 0)
    {
        OfRank("fillDiagonal", x, 2);
        Variable isOnIt = Equal(ExpandDims(ARange(DimensionOf(x, 0)), 1) + offset, ARange(DimensionOf(x, 1)));
        Variable[] same = Promotion.Into("fillDiagonal", x, Constant(value), adds: false);
        return Cast(Where(isOnIt, same[1], same[0]), same[0].Widened.DType);
    }

    private static Variable OfRank(string name, Variable x, int rank)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Rank == rank ? x : throw new EngineException(
            $"{name} takes arrays of {rank} axes, not '{x}' ({x.Type}).{Origin.Current}");
    }
}
