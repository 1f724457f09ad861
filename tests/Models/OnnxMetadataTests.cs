using Engine.Data;
using Engine.IO;
using Engine.Models;
using Engine.Onnx;
using Engine.Tests.Onnx;

namespace Engine.Tests.Models;

/// <summary>What an ONNX file's metadata say of its samples and classes.</summary>
public class OnnxMetadataTests
{
    [TestCase("""["cat","dog","eel"]""", "cat", "dog", "eel")]
    [TestCase("cat, dog ,eel", "cat", "dog", "eel")]
    [TestCase("""{"0":"cat","1":"dog","2":"eel"}""", "cat", "dog", "eel")]
    [TestCase(""" {"2":"eel", "0":"cat", "1":"dog"} """, "cat", "dog", "eel")]
    [TestCase("""{"cat":0,"eel":2,"dog":1}""", "cat", "dog", "eel")]
    [TestCase("""{"0":4,"1":5,"2":6}""", "4", "5", "6")]
    [TestCase("[7,8,9]", "7", "8", "9")]
    [TestCase("", "class 0", "class 1", "class 2")]
    [TestCase("null", "class 0", "class 1", "class 2")]
    public void Classes_have_the_names_of_the_file(string text, params string[] names)
    {
        using var folder = new TempFolder();
        using Model model = Model.FromOnnx(Written(folder, OnnxMetadata.Classes, text));

        Assert.That(model.Classes, Is.EqualTo(names));
    }

    [TestCase("""["cat","dog" """)]
    [TestCase("""["cat",null,"eel"]""")]
    [TestCase("""["cat",["dog"],"eel"]""")]
    [TestCase("""{"0":"cat","1":"dog","7":"eel"}""")]
    [TestCase("""{"0":"cat","1":"dog","01":"eel"}""")]
    [TestCase("""{"cat":0,"dog":0,"eel":1}""")]
    [TestCase("""{"0":"cat","1":"dog","2":{}}""")]
    [TestCase("{0: 'cat', 1: 'dog', 2: 'eel'}")]
    public void Names_that_are_not_clear_are_refused_unless_others_are_given(string text)
    {
        using var folder = new TempFolder();
        string path = Written(folder, OnnxMetadata.Classes, text);

        Assert.That(() => Model.FromOnnx(path),
            Throws.TypeOf<ModelFileException>().With.Message.Contains("'classes' in its metadata").And.Message
                .Contains(text.Trim()).And.Message.Contains("--classes"));
        using Model model = Model.FromOnnx(path, new OnnxSamples { Classes = ["a", "b", "c"] });
        Assert.That(model.Classes, Is.EqualTo(new[] { "a", "b", "c" }));
    }

    [TestCase("0.25", "2")]
    [TestCase("[0.25]", "[2]")]
    [TestCase("0.25,0.25,0.25", "[2, 2, 2]")]
    public void Pixels_are_normalized_as_the_file_says(string mean, string std)
    {
        using var folder = new TempFolder();
        string path = folder.File("m.onnx");
        File.WriteAllBytes(path, new ModelMaker().Input("x", OnnxType.Float, "n", 3, 1, 1)
            .Node("ReduceSum", "x axes", "y", ("keepdims", 0L)).Longs("axes", 1, 2, 3)
            .Node("Unsqueeze", "y one", "z").Longs("one", 1).Output("z", OnnxType.Float, "n", 1)
            .Metadata(OnnxMetadata.Mean, mean).Metadata(OnnxMetadata.Std, std).Bytes());
        using Model model = Model.FromOnnx(path);
        Table picture = new(new TensorColumn("picture", Tensor.From((byte[])[255, 0, 51], 1, 3, 1, 1)));

        Assert.That(model.Predict(picture)[0].Value, Is.EqualTo((1.2 - 0.75) / 2).Within(1e-6));
    }

    [TestCase("half", "'half', must be numbers")]
    [TestCase("0.5,0.5", "2 means are given")]
    public void Means_that_are_not_clear_are_refused(string mean, string why)
    {
        using var folder = new TempFolder();
        string path = folder.File("m.onnx");
        File.WriteAllBytes(path, new ModelMaker().Input("x", OnnxType.Float, "n", 3, 1, 1)
            .Node("Flatten", "x", "y").Output("y", OnnxType.Float, "n", 3).Metadata(OnnxMetadata.Mean, mean).Bytes());

        Assert.That(() => Model.FromOnnx(path), Throws.InstanceOf<EngineException>().With.Message.Contains(why));
    }

    private static string Written(TempFolder folder, string key, string value)
    {
        string path = folder.File("m.onnx");
        File.WriteAllBytes(path, new ModelMaker().Input("x", OnnxType.Float, "n", 3).Node("Softmax", "x", "p")
            .Output("p", OnnxType.Float, "n", 3).Metadata(key, value).Bytes());
        return path;
    }
}
