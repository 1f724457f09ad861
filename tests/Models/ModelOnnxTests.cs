using Engine.Data;
using Engine.Models;
using Engine.Tests.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Engine.Tests.Models;

/// <summary>Whole models as ONNX files: they take the same inputs as the model.</summary>
public class ModelOnnxTests
{
    [Test]
    public void Columns_are_scaled_filled_in_and_made_one_hot_by_the_file()
    {
        using var folder = new TempFolder();
        var table = new Table(
            new NumberColumn("weight", [.. Enumerable.Range(0, 60).Select(i => 100.0 + (i % 7))]),
            new TextColumn("color", Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? "red" : "blue")),
            new TextColumn("kind", Enumerable.Range(0, 60).Select(i => i % 7 > 3 ? "heavy" : "light")));
        using Model model = Model.Train(new DataSet("tools", table, "kind"), new ModelOptions { Epochs = 3 });
        var asked = new Table(
            new NumberColumn("weight", [101, double.NaN, 106]), new TextColumn("color", ["red", null, "green"]));

        model.ExportOnnx(folder.File("m.onnx"));
        NdArray output = OnnxRun.Run(
            folder.File("m.onnx"),
            [("weight", Tensor.From((float[])[101, float.NaN, 106], 3, 1))],
            [NamedOnnxValue.CreateFromTensor(
                "color", new DenseTensor<string>((string[])["red", "", "green"], [3, 1]))]);

        OnnxRun.AssertSame(NdArray.From(model.Net.PredictProba(model.Inputs.Apply(asked))), output);
    }

    [Test]
    public void Values_come_in_their_own_unit()
    {
        using var folder = new TempFolder();
        double[] area = [.. Enumerable.Range(0, 60).Select(i => 50.0 + i)];
        var table = new Table(
            new NumberColumn("area", area), new NumberColumn("price", [.. area.Select(x => (1000 * x) + 0.5)]));
        using Model model = Model.Train(new DataSet("houses", table, "price"), new ModelOptions { Epochs = 20 });

        model.ExportOnnx(folder.File("m.onnx"));
        NdArray output = OnnxRun.Run(folder.File("m.onnx"), ("area", Tensor.From((float[])[70, 90], 2, 1)));

        double[] expected = [.. model.Predict(new Table(new NumberColumn("area", [70, 90]))).Select(one => one.Value)];
        Assert.That(output.Data, Is.EqualTo(expected).Within(0.05));

        using Model again = Model.FromOnnx(folder.File("m.onnx"));
        Assert.That(again.Target.Column, Is.EqualTo("price"));
        Assert.That(again.Predict(new Table(new NumberColumn("area", [70, 90]))).Select(one => one.Value),
            Is.EqualTo(expected).Within(0.05));
    }

    [Test]
    public void Texts_are_given_as_their_words()
    {
        using var folder = new TempFolder();
        string[] good = ["what a good and lovely film it was", "good story, good actors and a good end"],
            bad = ["a bad film, it was so bad", "no story and bad actors in a film"];
        var table = new Table(
            new TextColumn(
                "text", Enumerable.Range(0, 40).Select(i => $"{(i % 2 == 0 ? good : bad)[i / 2 % 2]} number {i}")),
            new NumberColumn("stars", [.. Enumerable.Range(0, 40).Select(i => (double)(i % 3))]),
            new TextColumn("kind", Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? "praise" : "blame")));
        using Model model = Model.Train(new DataSet("films", table, "kind"), new ModelOptions { Epochs = 3 });
        Assert.That(model.Inputs.Transforms[0], Is.InstanceOf<WordCounts>());
        var asked = new Table(
            new TextColumn("text", ["Good, GOOD film!", "nothing known", null]), new NumberColumn("stars", [1, 2, 0]));

        model.ExportOnnx(folder.File("m.onnx"));
        NdArray output = OnnxRun.Run(
            folder.File("m.onnx"),
            [("stars", Tensor.From([1f, 2f, 0f], 3, 1))],
            [NamedOnnxValue.CreateFromTensor("text", new DenseTensor<string>(
                (string[])["good", "good", "film", "nothing", "known", "", "", "", ""], [3, 3]))]);

        OnnxRun.AssertSame(NdArray.From(model.Net.PredictProba(model.Inputs.Apply(asked))), output);
    }

    [Test]
    public void Pictures_are_given_as_their_bytes()
    {
        using var folder = new TempFolder();
        byte[] pixels =
            [.. Enumerable.Range(0, 20 * 192).Select(i => (byte)((i / 192 % 2 == 0 ? 20 : 200) + (i % 50)))];
        var pictures = new TensorColumn("picture", Tensor.From(pixels, 20, 3, 8, 8));
        var table = new Table(
            pictures, new TextColumn("class", Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? "dark" : "bright")));
        using Model model =
            Model.Train(new DataSet("pictures", table, "class"), new ModelOptions { Epochs = 2, Network = "cnn" });

        model.ExportOnnx(folder.File("m.onnx"));
        NdArray output = OnnxRun.Run(folder.File("m.onnx"), ("picture", pictures.Values.Cast(DType.Float32)));

        OnnxRun.AssertSame(NdArray.From(model.Net.PredictProba(model.Inputs.Apply(table))), output);
        using Model again = Model.FromOnnx(folder.File("m.onnx"));
        Assert.That(again.Classes, Is.EqualTo(model.Classes));
        double[] expected = [.. model.Predict(table).Select(one => (double)one.Probability)];
        Assert.That(again.Predict(table).Select(one => (double)one.Probability), Is.EqualTo(expected).Within(1e-5));
    }
}
