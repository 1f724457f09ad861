using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>The guarantees of a function about plans, and its requirements on those who compile and call it.</summary>
public class FunctionContractTests
{
    [Test]
    public void A_run_with_known_shapes_allocates_nothing()
    {
        Input x = Matrix("x"), rows = Size("rows");
        SharedVariable w = Shared(new Tensor(DType.Float32, [4, 3]), "w");
        SharedVariable data = Shared(new Tensor(DType.Float32, [8, 4]), "data");
        SharedVariable step = Shared(Tensor.Scalar(0), "step");
        Variable cost = Sum(Tanh(Dot(TakeRows(data, step, rows) + x, w)));
        Update[] updates = [new(w, w - (Grad(cost, w) * 0.1)), new(step, (step + 1) * 0)];
        using var f = Function.Compile([x, rows], [cost], updates);
        Tensor argument = new(DType.Float32, [2, 4]), two = Tensor.Scalar(2);
        for (int i = 0; i < 100; i++)
        {
            f.Run(argument, two);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            f.Run(argument, two);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void There_is_one_plan_for_each_combination_of_shapes()
    {
        Input x = Matrix("x"), y = Vector("y");
        using var f = Function.Compile([x, y], [x + y]);
        var matrix = new Tensor(DType.Float32, [2, 3]);

        f.Run(matrix, new Tensor(DType.Float32, [3]));
        Plan first = f.Plans[0];
        f.Run(matrix, new Tensor(DType.Float32, [1]));
        f.Run(matrix, new Tensor(DType.Float32, [3]));

        Assert.That(f.Plans, Has.Count.EqualTo(2));
        Assert.That(f.Plans[0], Is.SameAs(first));
    }

    [Test]
    public void There_is_one_plan_for_each_value_of_a_size()
    {
        SharedVariable x = Shared(Tensor.From([1f, 2, 3, 4, 5]));
        Input size = Size("size");
        using var f = Function.Compile([size], [TakeRows(x, Constant(1), size)]);

        int[] lengths = [.. new[] { 2, 3, 2, 4, 3 }.Select(rows => f.Call(Tensor.Scalar(rows))[0].Shape[0])];

        Assert.That(lengths, Is.EqualTo(new[] { 2, 3, 2, 4, 3 }));
        Assert.That(f.Plans, Has.Count.EqualTo(3));
    }

    [Test]
    public void The_plans_used_last_are_kept()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [x * 2]);
        Plan Use(int length)
        {
            f.Run(new Tensor(DType.Float32, [length]));
            return f.Plans[0];
        }

        Plan first = Use(1), second = Use(2);
        for (int length = 3; length <= Function.MaxShapes; length++)
        {
            Use(length);
        }

        Assert.That(Use(1), Is.SameAs(first));
        Use(Function.MaxShapes + 1);

        Assert.That(f.Plans, Has.Count.EqualTo(Function.MaxShapes).And.No.Member(second).And.Member(first));
        Assert.That(f.Call(new Tensor(DType.Float32, [2]))[0].Shape[0], Is.EqualTo(2), "a plan dropped is made again");
    }

    [Test]
    public void Of_plans_that_take_much_memory_few_are_kept()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [Sum(x)]);
        int large = (int)(Function.MaxBytes / Function.FewShapes / sizeof(float));
        for (int i = 0; i <= Function.FewShapes; i++)
        {
            f.Prepare(new Tensor(DType.Float32, [large + i]));
        }

        Assert.That(f.Plans, Has.Count.EqualTo(Function.FewShapes));
    }

    [Test]
    public void A_given_stands_in_for_a_variable_everywhere()
    {
        Input x = Vector("x"), size = Size("size");
        SharedVariable data = Shared(Tensor.From([1f, 2, 3, 4])), sum = Shared(Tensor.Scalar(0f));
        Variable rows = TakeRows(data, Constant(1), size);
        using var f = Function.Compile([size], [x * 2], [new(sum, sum + Sum(x))], [new(x, rows)]);

        Tensor[] y = f.Call(Tensor.Scalar(2));

        Assert.That(y[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 4, 6 }));
        Assert.That(sum.GetScalar<float>(), Is.EqualTo(5));
    }

    [Test]
    public void A_given_may_stand_in_for_a_computed_variable()
    {
        Input x = Vector("x"), z = Vector("z");
        Variable y = x + 1;
        using var f = Function.Compile([z], [y * 2], givens: [new(y, z)]);

        Assert.That(f.Call(Tensor.From([3f]))[0].AsSpan<float>()[0], Is.EqualTo(6));
    }

    [Test]
    public void A_default_update_runs_with_every_function_that_uses_its_variable()
    {
        SharedVariable counter = Shared(Tensor.Scalar(0), "counter"), other = Shared(Tensor.Scalar(10), "other");
        counter.DefaultUpdate = counter + other;
        other.DefaultUpdate = other + 1;
        using var reads = Function.Compile([], [counter * 1]);
        using var overrides = Function.Compile([], [counter * 1], [new(counter, counter - 1)]);
        using var independent = Function.Compile([], [Constant(1, DType.Int32) * 2]);

        reads.Run();
        independent.Run();
        Assert.That(counter.GetScalar<int>(), Is.EqualTo(10));
        Assert.That(other.GetScalar<int>(), Is.EqualTo(11), "the default update's own variables are updated too");
        overrides.Run();
        Assert.That(counter.GetScalar<int>(), Is.EqualTo(9));
    }

    [Test]
    public void An_input_that_nothing_uses_is_refused()
    {
        Input x = Vector("x"), y = Vector("unused");

        Assert.That(() => Function.Compile([x, y], [x * 2]), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The input 'unused' is not used to compute the outputs or the updates: leave it out of the inputs."));
    }

    [Test]
    public void An_input_that_is_missing_is_refused_with_the_line_that_uses_it()
    {
        Input x = Vector("x"), y = Vector("missing");

        Assert.That(() => Function.Compile([x], [x * y]), Throws.TypeOf<EngineException>().With.Message.Matches(
            @"'missing' \(float32 \(\?\)\) is needed but is neither an input nor given: "
            + @"multiply\(x, missing\) uses it\. Built at .*FunctionContractTests\.cs:\d+\."));
    }

    [Test]
    public void An_input_listed_twice_is_refused()
    {
        Input x = Vector("x");

        Assert.That(() => Function.Compile([x, x], [x * 2]), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "An input is listed twice."));
    }

    [Test]
    public void What_has_a_value_cannot_be_an_input()
    {
        SharedVariable w = Shared(Tensor.Scalar(1f), "w");

        Assert.That(() => Function.Compile([w], [w * 2]), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "'w' cannot be an input of a function: only a variable without a value can. Use a given instead."));
    }

    [Test]
    public void Two_updates_of_one_variable_are_refused()
    {
        SharedVariable w = Shared(Tensor.Scalar(1f), "w");

        Assert.That(() => Function.Compile([], [], [new(w, w + 1), new(w, w + 2)]), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("There are two updates of 'w'."));
    }

    [Test]
    public void An_update_of_another_type_is_refused()
    {
        SharedVariable w = Shared(Tensor.From([1f, 2]), "w");

        Assert.That(() => Function.Compile([], [], [new(w, Sum(w))]), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("The update of 'w' (float32 (2)) cannot be a float32 ()."));
    }

    [Test]
    public void An_update_that_turns_out_of_another_shape_is_refused_by_the_call()
    {
        SharedVariable w = Shared(Tensor.From([1f, 2]), "w");
        Input x = Vector("x");
        using var f = Function.Compile([x], [], [new(w, x)]);

        Assert.That(() => f.Run(Tensor.From([1f, 2, 3])), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The update of 'w' (float32 (2)) turned out as float32 (3)."));
        Assert.That(w.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 2 }));
    }

    [Test]
    public void Givens_do_not_chain_and_the_error_says_so()
    {
        Input x = Vector("x"), y = Vector("y"), z = Vector("z");

        Assert.That(
            () => Function.Compile([z], [x * 2], givens: [new(x, y + 1), new(y, z * 3)]),
            Throws.TypeOf<EngineException>().With.Message.StartsWith(
                "The given for 'x' uses 'y' (float32 (?)), which has a given of its own, and givens do not chain"));
        Assert.That(
            () => Function.Compile([], [x * 2], givens: [new(x, y + 1)]),
            Throws.TypeOf<EngineException>().With.Message
                .StartsWith("'y' (float32 (?)) is needed but is neither an input nor"));

        // All replacements happen at once, so two variables can be swapped.
        using var f = Function.Compile([x, y], [x - y], givens: [new(x, y), new(y, x)]);
        Assert.That(f.Call(Tensor.From([5f]), Tensor.From([2f]))[0].AsSpan<float>()[0], Is.EqualTo(-3));
    }

    [Test]
    public void A_given_of_another_type_is_refused()
    {
        Input x = Vector("x");

        Assert.That(() => Function.Compile([], [x * 2], givens: [new(x, Matrix("m"))]), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("The given for 'x' (float32 (?)) cannot be a float32 (?, ?)."));
    }

    [Test]
    public void An_argument_of_another_type_is_refused()
    {
        Input x = Matrix("x");
        using var f = Function.Compile([x], [x * 2]);

        Assert.That(() => f.Call(Tensor.From([1f])), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The input 'x' is float32 (?, ?) and cannot take a float32 (1)."));
        Assert.That(() => f.Call(Tensor.From([1], 1, 1)), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The input 'x' is float32 (?, ?) and cannot take a int32 (1, 1)."));
        Assert.That(() => f.Call(), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The function takes 1 arguments, not 0."));
    }

    [Test]
    public void An_index_that_only_the_run_tells_is_refused_with_the_line_that_uses_it()
    {
        Variable x = Vector("x"), i = IntVector("i"), first = IntScalar("first"), logits = Matrix("logits");
        (Input[] Inputs, Variable Output, Tensor[] Arguments)[] wrong =
        [
            ([(Input)x, (Input)i], Gather(x, i), [Tensor.From([1f, 2f]), Tensor.From([2])]),
            ([(Input)x, (Input)first], TakeRows(x, first, Constant(1, DType.Int32)),
                [Tensor.From([1f, 2f]), Tensor.Scalar(2)]),
            ([(Input)logits, (Input)i], CategoricalCrossEntropy(Softmax(logits), i),
                [Tensor.From([1f, 2f], 1, 2), Tensor.From([2])]),
        ];
        foreach ((Input[] inputs, Variable output, Tensor[] arguments) in wrong)
        {
            using var function = Function.Compile(inputs, [output]);
            Assert.That(
                () => function.Call(arguments),
                Throws.TypeOf<EngineException>().With.Message.Match(@" Built at .*FunctionContractTests\.cs:\d+\.$"));
        }
    }
}
