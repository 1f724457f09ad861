using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;

namespace Engine.Tests.Graph;

/// <summary>Objects made from a tensor copy it, so a later change of the user's array does not affect them.</summary>
public class OwnershipTests
{
    private static readonly (string What, Func<Tensor, Variable> Make)[] s_ways =
    [
        ("Shared", tensor => Shared(tensor, "w")),
        ("new SharedVariable", tensor => new SharedVariable(tensor)),
        ("SetValue", tensor =>
        {
            SharedVariable w = Shared(new Tensor(tensor.DType, tensor.Shape));
            w.SetValue(tensor);
            return w;
        }),
        ("SetValue once it is on the device", tensor =>
        {
            SharedVariable w = Shared(new Tensor(tensor.DType, tensor.Shape));
            using var f = Function.Compile([], [w + 1]);
            f.Run();
            w.SetValue(tensor);
            return w;
        }),
        ("Constant", Constant),
        ("new Constant", tensor => new Constant(tensor)),
    ];

    private static IEnumerable<string> Ways => s_ways.Select(way => way.What);

    [TestCaseSource(nameof(Ways))]
    public void A_change_of_the_array_changes_nothing_that_was_made_of_it(string what)
    {
        foreach (bool hasRun in new[] { false, true })
        {
            float[] array = [1, 2];
            Variable variable = s_ways.Single(way => way.What == what).Make(Tensor.From(array));
            using var f = Function.Compile([], [variable * 1]);
            if (hasRun)
            {
                f.Run();
            }

            array[0] = 5;

            Assert.That(f.Call()[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 2 }));
            Assert.That(Value(variable).AsSpan<float>()[0], Is.EqualTo(1));
        }
    }

    [Test]
    public void What_is_handed_out_is_a_copy_too()
    {
        SharedVariable w = Shared(Tensor.From([1f, 2]));
        foreach (bool hasRun in new[] { false, true })
        {
            using var f = Function.Compile([], [w * 1], [new(w, w * 1)]);
            if (hasRun)
            {
                f.Run();
            }

            w.GetValue().AsSpan<float>()[0] = 5;
            f.Call()[0].AsSpan<float>()[0] = 6;

            Assert.That(w.GetValue().AsSpan<float>()[0], Is.EqualTo(1));
        }
    }

    [Test]
    public void A_networks_parameters_are_copied_both_ways()
    {
        using var net = new NeuralNet(new Input(2), new Dense(1)) { Regression = true };
        KeyValuePair<string, Tensor>[] parameters = [.. net.GetParameters()];
        net.SetParameters(parameters);
        float first = parameters[0].Value.AsSpan<float>()[0];

        parameters[0].Value.AsSpan<float>()[0] = first + 1;

        Assert.That(net.GetParameters()[0].Value.AsSpan<float>()[0], Is.EqualTo(first));
    }

    private static Tensor Value(Variable variable) =>
        variable is SharedVariable shared ? shared.GetValue() : ((Constant)variable).Value;
}
