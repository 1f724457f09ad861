using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Models;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Add = Engine.Layers.Add;
using Concat = Engine.Layers.Concat;
using Input = Engine.Layers.Input;

namespace Engine.Tests.Models;

/// <summary>
/// Networks with several inputs and outputs, and with layers in several places, are read from a file unchanged.
/// </summary>
public class NetworkFilesTests
{
    [Test]
    public void A_network_of_several_inputs_outputs_and_shared_layers_is_whole_in_a_file()
    {
        using var folder = new TempFolder();
        using Network network = Siamese();
        network.SaveNetwork(folder.File("a.safetensors"));

        using Network again = NetworkFiles.LoadNetwork(folder.File("a.safetensors"));

        Assert.That(again.Inputs.Select(input => input.Name), Is.EqualTo(network.Inputs.Select(input => input.Name)));
        Assert.That(again.Outputs.Select(output => output.Name), Is.EqualTo(new[] { "kind", "sum" }));
        Assert.That(again.Layers.Select(layer => layer.Name), Is.EqualTo(network.Layers.Select(layer => layer.Name)).And.Contain("twin:2"));
        Assert.That(again.Parameters.Select(parameter => parameter.ToString()), Is.EqualTo(network.Parameters.Select(parameter => parameter.ToString())));
        Assert.That(again.Parameters.Count(parameter => parameter.Name.StartsWith("twin", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(Outputs(again), Is.EqualTo(Outputs(network)));
    }

    [Test]
    public void A_file_that_says_nothing_of_its_network_and_a_damaged_one_are_refused()
    {
        using var folder = new TempFolder();
        using Network network = Siamese();
        network.SaveNetwork(folder.File("a.safetensors"));
        Engine.IO.SafetensorsFile file = Engine.IO.Parameters.LoadAll(folder.File("a.safetensors"));
        Engine.IO.Parameters.Save(folder.File("bare.safetensors"), file.Tensors);
        Engine.IO.Parameters.Save(folder.File("less.safetensors"), file.Tensors.Skip(1), file.Metadata);

        Assert.That(
            () => NetworkFiles.LoadNetwork(folder.File("bare.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("does not say which network"));
        Assert.That(
            () => NetworkFiles.LoadNetwork(folder.File("less.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("it lacks twin.W"));
        using var custom = new Network(new Expression(x => x * 2).On(new Input(2)));
        Assert.That(() => custom.SaveNetwork(folder.File("b.safetensors")), Throws.TypeOf<EngineException>().With.Message.Contains("has no name"));
        using var transformer = new Network(new TransformerBlock(1, 2) { Nonlinearity = Tanh }.On(new Input(2, 2)));
        Assert.That(
            () => transformer.SaveNetwork(folder.File("b.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("Nonlinearity of the layer").And.Message.Contains("no words"));
    }

    private static Network Siamese()
    {
        Input left = new(6) { Name = "left" }, right = new(6) { Name = "right" };
        var twin = new Dense(4, Tanh) { Name = "twin" };
        Node a = twin.On(left), b = twin.On(right);
        Node sum = new Add { Name = "sum" }.On(a, b);
        return new Network(new Dense(3, Softmax) { Name = "kind" }.On(new Concat { Name = "both" }.On(a, b)), sum);
    }

    private static double[] Outputs(Network network)
    {
        using var function = Function.Compile([.. network.Inputs], [.. network.Outputs.Select(output => output.Output)]);
        Tensor x = Tensor.From([.. Enumerable.Range(0, 12).Select(i => (i / 6f) - 1)], 2, 6), y = Tensor.From([.. Enumerable.Range(0, 12).Select(i => i % 5 / 4f)], 2, 6);
        return [.. function.Call(x, y).SelectMany(output => NdArray.From(output).Data)];
    }
}
