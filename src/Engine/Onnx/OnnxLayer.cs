using Engine.Graph;
using Engine.Layers;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>
/// Represents an ONNX model, up to a result, as a layer. Its weights become the network's parameters, with the layer's
/// name and then the file's name, and begin with the file's values.
/// </summary>
/// <remarks>
/// A model that was exported for prediction is the same in training: normalizations still use their averages, which are
/// not trained. All other weights with at least one axis are trained, unless they are frozen.
/// </remarks>
internal sealed class OnnxLayer : MergeLayer
{
    private readonly OnnxModel _model;
    private readonly string _result;
    private readonly IReadOnlyList<OnnxPort> _inputs;
    private readonly HashSet<string> _followed;

    public OnnxLayer(OnnxModel model, string result, IReadOnlyList<OnnxPort> inputs)
    {
        (_model, _result, _inputs) = (model, result, inputs);
        _followed = [.. Followed(model.File.Graph)];
    }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        var given = new Dictionary<string, Variable>();
        for (int i = 0; i < _inputs.Count; i++)
        {
            given.Add(_inputs[i].Name, Symbolic.Cast(inputs[i], _inputs[i].DType));
        }

        var parameters = new Dictionary<OnnxTensor, Variable>(ReferenceEqualityComparer.Instance);
        try
        {
            return _model.Build(given, [_result], ParameterOf)[0].Variable;
        }
        catch (NotKnownException error)
        {
            throw _model.NotKnown(error);
        }

        Variable ParameterOf(OnnxTensor tensor)
        {
            if (!parameters.TryGetValue(tensor, out Variable? parameter))
            {
                parameter = scope.Parameter(
                    tensor.Name, tensor.Shape, new Taken(tensor.ToTensor()),
                    isTrainable: tensor.Shape.Rank > 0 && !_followed.Contains(tensor.Name), isRegularized: tensor.Shape.Rank > 1);
                parameter = Symbolic.Cast(parameter, tensor.Type.Stored()!.Value);
                parameters.Add(tensor, parameter);
            }

            return parameter;
        }
    }

    /// <summary>Returns the weights that are not learned: averages, scales of levels, sizes.</summary>
    private static IEnumerable<string> Followed(OnnxGraphFile graph) => graph.Nodes.SelectMany(node => node.Op switch
    {
        "BatchNormalization" => node.Inputs.Skip(3),
        "QuantizeLinear" or "DequantizeLinear" or "Clip" or "Resize" or "Upsample" or "Pad" or "OneHot" or "Dropout" => node.Inputs.Skip(1),
        _ => [],
    });

    /// <summary>Represents existing values as an initializer.</summary>
    private sealed record Taken(Tensor Value) : Initializer
    {
        internal override Tensor Ready(DType dtype) => Value.Cast(dtype) is var own && ReferenceEquals(own, Value) ? own.Clone() : own;

        protected override void Fill(Span<double> values, Shape shape, ulong seed) => NdArray.From(Value).Data.CopyTo(values);
    }
}
