using Engine.Graph;

namespace Engine.Ops;

/// <summary>Represents an array whose axes have letters.</summary>
internal readonly record struct Lettered(Variable Value, string Letters);

public static partial class Symbolic
{
    /// <summary>
    /// Computes sums of products by letters, as NumPy writes them: <c>Einsum("bik,bkj->bij", a, b)</c> computes batched
    /// products, <c>"ii->i"</c> a diagonal, <c>"ij->ji"</c> a transpose, <c>"ij,ij->"</c> a sum of products. Without an
    /// arrow the result has the letters that occur only once, in alphabetical order. Operands are multiplied from left
    /// to right; a letter's dimensions must be equal, or 1 in some operands, which broadcast. <c>...</c> stands for the
    /// other axes: <c>"...ij,...jk->...ik"</c>; without an arrow they come first. Integers are multiplied as float32.
    /// </summary>
    /// <exception cref="EngineException">The equation does not fit the operands.</exception>
    public static Variable Einsum(string equation, params ReadOnlySpan<Variable> operands)
    {
        ArgumentNullException.ThrowIfNull(equation);
        string[] parts = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        string[] terms = parts[0].Split(',');
        Variable[] all = operands.ToArray();
        string result = parts.Length > 1
            ? parts[1]
            : (parts[0].Contains(Others, StringComparison.Ordinal) ? Others : "") + string.Concat(
            parts[0].Where(char.IsLetter).GroupBy(letter => letter).Where(group => group.Count() == 1)
                .Select(group => group.Key).Order());
        if (terms.Length == all.Length && equation.Contains(Others, StringComparison.Ordinal))
        {
            result = NameOthers(terms, all, result);
        }

        if (parts.Length > 2 || terms.Length != all.Length || terms.Append(result).Any(term => !term.All(IsLetter))
            || result.Distinct().Count() != result.Length || result.Except(string.Concat(terms)).Any()
            || terms.Zip(all).Any(pair => pair.First.Length != pair.Second.Rank))
        {
            throw new EngineException(
                $"The equation '{equation}' does not fit {string.Join(" and ", all.Select(operand => operand.Type))}: "
                + $"it has a letter for each axis, commas between, and behind '->' some of them, "
                + $"each once.{Origin.Current}");
        }

        all = Promotion.Convert("einsum", all, takesIntegers: false);
        Lettered[] factors = Broadcast([.. all.Zip(terms, (operand, term) => Diagonal(new Lettered(operand, term)))]);
        Lettered product = default;
        for (int i = 0; i < factors.Length; i++)
        {
            string later = string.Concat(factors.Skip(i + 1).Select(factor => factor.Letters)) + result;
            product = i == 0 ? factors[i] : Multiplied(product, factors[i], later);
            product = Summed(product, later);
        }

        return Ordered(product.Value, [.. result.Select(letter => product.Letters.IndexOf(letter))]);
    }

    /// <summary>The axes without letters in an equation, and the first letter that they get.</summary>
    private const string Others = "...";

    private const char FirstOther = '\uE000';

    private static bool IsLetter(char letter) => char.IsAsciiLetter(letter) || letter >= FirstOther;

    /// <summary>
    /// Gives letters to the axes that an equation does not name; the last of each operand gets the same letter. Returns
    /// the result's letters.
    /// </summary>
    private static string NameOthers(string[] terms, Variable[] all, string result)
    {
        int[] counts = [.. terms.Zip(all, (term, operand) => term.Contains(Others, StringComparison.Ordinal)
            ? Math.Max(0, operand.Rank - (term.Length - Others.Length)) : 0)];
        int max = counts.Max();
        string letters = string.Concat(Enumerable.Range(0, max).Select(axis => (char)(FirstOther + axis)));
        for (int i = 0; i < terms.Length; i++)
        {
            int at = terms[i].IndexOf(Others, StringComparison.Ordinal);
            string own = letters[(max - counts[i])..];
            terms[i] = at < 0 ? terms[i] : terms[i].Remove(at, Others.Length).Insert(at, own);
        }

        return result.Replace(Others, letters, StringComparison.Ordinal);
    }

    /// <summary>Removes axes of length 1 that broadcast, and broadcasts those that may turn out so.</summary>
    private static Lettered[] Broadcast(Lettered[] factors)
    {
        foreach (char letter in string.Concat(factors.Select(factor => factor.Letters)).Distinct())
        {
            int[] having = [.. Having()];
            if (having.All(i => DimensionAt(i) == 1))
            {
                continue;
            }

            foreach (int i in having.Where(i => DimensionAt(i) == 1))
            {
                int axis = AxisOf(i);
                factors[i] = new Lettered(Squeeze(factors[i].Value, [axis]), factors[i].Letters.Remove(axis, 1));
            }

            having = [.. Having()];
            if (having.Length > 1 && having.Any(i => DimensionAt(i) == Shape.Unknown))
            {
                Variable joined = having.Select(i => DimensionOf(factors[i].Value, AxisOf(i)))
                    .Aggregate((one, other) => Where(Equal(one, 1), other, one));
                foreach (int i in having)
                {
                    Dimension[] dimensions = [.. Enumerable.Repeat<Dimension>(-1, factors[i].Value.Rank)];
                    dimensions[AxisOf(i)] = joined;
                    factors[i] = factors[i] with { Value = BroadcastTo(factors[i].Value, dimensions) };
                }
            }

            IEnumerable<int> Having() => Enumerable.Range(0, factors.Length).Where(i => AxisOf(i) >= 0);

            int AxisOf(int i) => factors[i].Letters.IndexOf(letter);

            int DimensionAt(int i) => factors[i].Value.Shape[AxisOf(i)];
        }

        return factors;
    }

    /// <summary>Returns the diagonal of an array that has a letter twice.</summary>
    private static Lettered Diagonal(Lettered x)
    {
        while (x.Letters.FirstOrDefault(
            letter => x.Letters.IndexOf(letter) != x.Letters.LastIndexOf(letter)) is var twice && twice != 0)
        {
            int first = x.Letters.IndexOf(twice), last = x.Letters.LastIndexOf(twice);
            Variable moved = MoveAxis(MoveAxis(x.Value, last, 0), first + 1, 0), along = ARange(DimensionOf(moved, 0));
            x = new Lettered(moved[along, along], twice + x.Letters.Remove(last, 1).Remove(first, 1));
        }

        return x;
    }

    /// <summary>Returns the sums along the axes that are no longer needed.</summary>
    private static Lettered Summed(Lettered x, string needed)
    {
        int[] axes = [.. Enumerable.Range(0, x.Letters.Length).Where(axis => !needed.Contains(x.Letters[axis]))];
        return axes.Length == 0
            ? x
            : new Lettered(Sum(x.Value, [.. axes]), string.Concat(x.Letters.Where(needed.Contains)));
    }

    private static Lettered Multiplied(Lettered a, Lettered b, string later)
    {
        a = Summed(a, later + b.Letters);
        b = Summed(b, later + a.Letters);
        string common = string.Concat(a.Letters.Where(b.Letters.Contains));
        string batch = string.Concat(common.Where(later.Contains)), summed = string.Concat(common.Except(batch));
        string freeA = string.Concat(a.Letters.Except(common)), freeB = string.Concat(b.Letters.Except(common));
        string letters = batch + freeA + freeB;
        Variable left = Order(a, batch + freeA + summed), right = Order(b, batch + summed + freeB);
        if (summed.Length == 0)
        {
            // Nothing is summed, so a product with broadcasting is enough.
            Variable wide =
                DimShuffle(left, [.. Enumerable.Range(0, left.Rank), .. Enumerable.Repeat(NewAxis, freeB.Length)]);
            Variable far = DimShuffle(right,
            [
                .. Enumerable.Range(0, batch.Length), .. Enumerable.Repeat(NewAxis, freeA.Length),
                .. Enumerable.Range(batch.Length, freeB.Length),
            ]);
            return new Lettered(wide * far, letters);
        }

        Variable product = batch.Length == 0
            ? new Dot(false, false).Call(Matrix(left, 0, freeA.Length), Matrix(right, 0, summed.Length))
            : new BatchedDot(false, false).Call(
                Matrix(left, batch.Length, freeA.Length), Matrix(right, batch.Length, summed.Length));
        Dimension[] dimensions = [.. letters.Select(letter =>
            (Dimension)(a.Letters.Contains(letter)
                ? DimensionOf(a.Value, a.Letters.IndexOf(letter))
                : DimensionOf(b.Value, b.Letters.IndexOf(letter))))];
        return new Lettered(Reshape(product, dimensions.AsSpan()), letters);

        static Variable Order(Lettered x, string letters) =>
            Ordered(x.Value, [.. letters.Select(letter => x.Letters.IndexOf(letter))]);

        // The first axes, if any, become one axis, the next ones the rows, the last ones the columns.
        static Variable Matrix(Variable x, int batch, int rows) => Reshape(x,
        [
            .. batch == 0 ? [] : (Dimension[])[Joined(x, Enumerable.Range(0, batch))],
            Joined(x, Enumerable.Range(batch, rows)), Joined(x, Enumerable.Range(batch + rows, x.Rank - batch - rows)),
        ]);
    }
}
