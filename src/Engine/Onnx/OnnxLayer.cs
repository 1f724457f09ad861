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
/// not trained. All other weights with at least one axis are trained, unless they are frozen. If nobody else needs the
/// model, the first network that is built takes its long weights; a second one begins with those that the first has.
/// </remarks>
internal sealed class OnnxLayer : MergeLayer
{
    private readonly OnnxModel _model;
    private readonly string _result;
    private readonly IReadOnlyList<OnnxPort> _inputs;
    private readonly HashSet<string> _followed;
    private readonly Dictionary<OnnxTensor, SharedVariable> _holders = new(ReferenceEqualityComparer.Instance);

    public OnnxLayer(OnnxModel model, string result, IReadOnlyList<OnnxPort> inputs)
    {
        (_model, _result, _inputs) = (model, result, inputs);
        _followed = [.. Followed(model.File.Graph)];
    }

    /// <summary>Gets the model.</summary>
    internal OnnxModel Model => _model;

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        var given = new Dictionary<string, Variable>();
        for (int i = 0; i < _inputs.Count; i++)
        {
            given.Add(_inputs[i].Name, Symbolic.Cast(inputs[i], _inputs[i].DType));
        }

        var parameters = new Dictionary<OnnxTensor, Variable>(ReferenceEqualityComparer.Instance);
        HashSet<string> names = [];
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
                // Two branches of an If may each have a weight of the same name.
                string name = tensor.Name;
                for (int number = 2; !names.Add(name); number++)
                {
                    name = FormattableString.Invariant($"{tensor.Name}_{number}");
                }

                SharedVariable own = scope.Parameter(
                    name, tensor.Shape, new Taken(this, tensor),
                    isTrainable: tensor.Shape.Rank > 0
                        && !_followed.Contains(tensor.Name), isRegularized: tensor.Shape.Rank > 1);
                _holders.TryAdd(tensor, own);
                parameter = Symbolic.Cast(own, tensor.Type.Stored()!.Value);
                parameters.Add(tensor, parameter);
            }

            return parameter;
        }
    }

    /// <summary>Returns the weights that are not learned: averages, scales of levels, sizes.</summary>
    private static IEnumerable<string> Followed(OnnxGraphFile graph) => graph.Nodes.SelectMany(node => node.Op switch
    {
        "BatchNormalization" => node.Inputs.Skip(3),
        "QuantizeLinear" or "DequantizeLinear" or "Clip" or "Resize" or "Upsample" or "Pad" or "OneHot" or "Dropout" =>
            node.Inputs.Skip(1),
        _ => [],
    });

    /// <summary>Returns the first values of a parameter, which nothing else shares.</summary>
    private Tensor First(OnnxTensor tensor, DType dtype)
    {
        if (tensor.Values is not { } values)
        {
            return _holders[tensor].GetValue().Cast(dtype);
        }

        if (_model.GivesWeights && tensor.Shape.Count > OnnxValue.MaxLookedAt)
        {
            tensor.Values = null;
            return values.Cast(dtype);
        }

        return values.Cast(dtype) is var own && ReferenceEquals(own, values) ? own.Clone() : own;
    }

    /// <summary>Represents the values of a weight as an initializer.</summary>
    private sealed record Taken(OnnxLayer Layer, OnnxTensor Weight) : Initializer
    {
        internal override Tensor Ready(DType dtype) => Layer.First(Weight, dtype);

        protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
            NdArray.From(Ready(DType.Float64)).Data.CopyTo(values);
    }
}
