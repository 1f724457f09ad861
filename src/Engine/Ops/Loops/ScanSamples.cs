using Engine.Graph;

namespace Engine.Ops;

/// <content>Examples.</content>
internal sealed partial record Scan : ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random, false);

        // A body has one dtype; differences for gradients are computed in float64.
        DType dtype = random.Next(3) == 0 ? DType.Float32 : DType.Float64;
        Input x = Symbolic.Vector("x", dtype), h = Symbolic.Vector("h", dtype), older = Symbolic.Vector("older", dtype);
        Input w = Symbolic.Matrix("w", dtype), row = Symbolic.Matrix("row", dtype);
        var forward = new LoopRead(LoopSource.Row, 0);
        var last = new LoopRead(LoopSource.State, 0, 1, 1);
        var rows = new LoopWrite(HasRows: true);
        var whole = new LoopRead(LoopSource.Whole, 2);

        // A state with all its rows, and a result that is not carried.
        Variable next = Symbolic.Tanh(x + h);
        Scan states = Of([x, h], [next, next * x], [forward, last], [rows, rows]);
        yield return Try(states, new Arg([n, m], dtype), new Arg([1, m], dtype));
        yield return Try(states, new Arg([3, 2, m], dtype), new Arg([1, 2, m], dtype)) with { Error = "a step takes " };

        // A loop that goes backwards, and writes the results where the rows were.
        yield return Try(
            Of(
                [x, h], [next, next * x], [forward with { Backward = true }, last],
                [rows, rows with { Backward = true }]),
            new Arg([n, m], dtype), new Arg([1, m], dtype));

        // Neighbors of a row, two earlier results, and an input that is the same at every step.
        yield return Try(
            Of(
                [x, h, older, w], [Symbolic.Dot(h, w) - (x * older)],
                [forward with { Lag = -1 }, last, last with { Lag = 2 }, whole], [rows]),
            new Arg([n + 1, k], dtype), new Arg([2, k], dtype), new Arg([k, k], dtype));

        // A matrix that is carried but not kept; a given number of steps.
        yield return Try(
            Of(
                [row, w], [Symbolic.Dot(row, w)],
                [new LoopRead(LoopSource.Carried, 0, 0), new LoopRead(LoopSource.Whole, 1)],
                [new LoopWrite(HasRows: false)],
                count: 2),
            new Arg([3, k], dtype), new Arg([k, k], dtype), Arg.Size(n % 5));

        // Further rows: of another number than those of the loop, and those before row 0.
        yield return Try(
            Of(
                [x, h], [next, next, next], [forward with { Backward = true }, last],
                [rows, rows with { Lag = -1, Like = 2 }, rows with { Lag = 1, Like = 1, IsBefore = true }]),
            new Arg([n, m], dtype), new Arg([1, m], dtype), new Arg([n + 2, m], dtype));

        // A value that is carried beside rows; fewer steps than rows.
        yield return Try(
            Of(
                [x, h], [x + h, x * x], [forward, new LoopRead(LoopSource.Carried, 0, 1)],
                [new LoopWrite(HasRows: false), rows], count: 2),
            new Arg([n + 3, m], dtype), new Arg([m], dtype), Arg.Size(n + 1));

        // Ended by a condition.
        Input over = new(new TensorType(DType.Bool, Shape.Scalar), "over");
        Variable sum = Symbolic.Where(over, h, x + h);
        yield return Try(
            Of(
                [x, h, over], [sum, Symbolic.GreaterOrEqual(Symbolic.Sum(sum), 9)],
                [forward, last, new LoopRead(LoopSource.State, 1, 2, 1)], [rows, rows]) with
            { Until = 1 },
            new Arg([n, 2], dtype, Low: 0, High: 4, Whole: true), new Arg([1, 2], dtype, Low: 0, High: 1, Whole: true),
            new Arg([1], DType.Bool, 0, 1)) with
        { HasGradient = false };

        Scan counted = Of([h], [h * h], [new LoopRead(LoopSource.State, 0, 0, 1)], [rows], count: 1);
        yield return Try(counted, new Arg([1, m], dtype), Arg.Size(4));
        yield return Try(counted, new Arg([1, 2], dtype), Arg.Size(-1)) with { Error = "it cannot make -1 steps" };
        yield return Try(counted, new Arg([0, 2], dtype), Arg.Size(3))
            with
        {
            Error = "a step reads the row 1 before its own, and before the first one there are 0",
        };
        yield return Try(states with { CountInput = 2 }, new Arg([3, 2], dtype), new Arg([1, 2], dtype), Arg.Size(4))
            with
        {
            Error = "a sequence has rows for 3 steps, fewer than the 4 it is to make",
        };
        yield return Try(
            Of([x, h], [Symbolic.Concat(0, x, h)], [forward, last], [rows]), new Arg([3, 2], dtype),
            new Arg([1, 2], dtype))
            with
        {
            Error = "what is carried from step to step is ",
        };

        Sample Try(Scan scan, params Arg[] args) => new(scan, args) { HasGradient = dtype == DType.Float64 };

        static Scan Of(
            Input[] inputs, Variable[] outputs, LoopRead[] reads, LoopWrite[] writes, int count = -1) =>
            new(new FunctionGraph(inputs, outputs, []), reads, writes) { CountInput = count };
    }
}
