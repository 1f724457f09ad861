using Engine.Data;
using Engine.IO;
using Engine.Tests.Runner;

namespace Engine.Tests.Data;

/// <summary>The parts of a folder of samples: what trains, validates and tests.</summary>
public class ClassFoldersTests
{
    [TestCase("train valid test", "train 2, valid 2, test 2")]
    [TestCase("Training Validation Testing", "Training 2, Validation 2, Testing 2")]
    [TestCase("train val test", "train 2, val 2, test 2")]
    [TestCase("train test", "train 2, test 2")]
    [TestCase("train val", "train 2, val 2 tests")]
    [TestCase("train", "train 2")]
    [TestCase("train val test extra", "train 2, val 2, test 2; Left out of *: the folder 'extra' beside train.")]
    [TestCase("bus train", "bus train 4")]
    [TestCase("test valid", "has */valid and */test, and no folder called train with the samples to learn.")]
    public void Folders_by_these_names_are_parts(string names, string expected)
    {
        foreach (bool arePictures in new[] { true, false })
        {
            using var folder = new TempFolder();
            int value = 0;
            foreach (string name in names.Split(' '))
            {
                foreach (string one in (string[])["a", "b"])
                {
                    Directory.CreateDirectory(folder.File($"{name}/{one}"));
                    value += 10;
                    if (arePictures)
                    {
                        File.WriteAllBytes(
                            folder.File($"{name}/{one}/1.png"), PngWriter.Write([(byte)value], width: 1, channels: 1));
                    }
                    else
                    {
                        File.WriteAllText(folder.File($"{name}/{one}/1.txt"), $"text {value}");
                    }
                }
            }

            IDataSource source = arePictures ? new ImageFolder(folder.Path) { Size = 1 } : new TextFolder(folder.Path);
            Assert.That(Said(source, folder.Path, names.Split(' ')), Does.EndWith(expected));
        }
    }

    [Test]
    public void A_class_that_only_the_validation_has_is_refused()
    {
        using var folder = new TempFolder();
        foreach (string name in (string[])["train/a", "train/b", "valid/c", "test/a"])
        {
            Directory.CreateDirectory(folder.File(name));
            File.WriteAllText(folder.File($"{name}/1.txt"), "text");
        }

        Assert.That(() => new TextFolder(folder.Path).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("valid has texts of the class 'c', of which those to learn have none"));
    }

    [Test]
    public void Samples_outside_the_folders_of_classes_are_told()
    {
        using var folder = new TempFolder();
        foreach (string name in (string[])["a", "b"])
        {
            Directory.CreateDirectory(folder.File(name));
            File.WriteAllText(folder.File($"{name}/1.txt"), "text");
        }

        File.WriteAllText(folder.File("stray.txt"), "text");

        Assert.That(new TextFolder(folder.Path).Load().Warnings,
            Is.EqualTo((string[])[$"Left out of {folder.Path}: 1 text in no folder of a class."]));
    }

    [TestCase("x_val", "y_val")]
    [TestCase("x_valid", "y_valid")]
    [TestCase("x_validation", "y_validation")]
    public void Arrays_have_the_same_parts(string x, string y)
    {
        using var folder = new TempFolder();
        Npz.Save(folder.File("a.npz"), new Dictionary<string, Tensor>
        {
            ["x_train"] = new Tensor(DType.Float32, [4, 2]),
            ["y_train"] = Tensor.From([0, 1, 0, 1]),
            [x] = new Tensor(DType.Float32, [3, 2]),
            [y] = Tensor.From([0, 1, 0]),
            ["x_test"] = new Tensor(DType.Float32, [2, 2]),
            ["y_test"] = Tensor.From([0, 1]),
        });

        DataSet data = new ArrayFiles(folder.File("a.npz")).Load();

        Assert.That((data.Train.Count, data.Validation?.Count, data.Test?.Count), Is.EqualTo((4, 3, 2)));
    }

    private static string Said(IDataSource source, string path, string[] names)
    {
        try
        {
            DataSet data = source.Load();
            bool isPart = data.Test is not null || data.Validation is not null || names.Length == 1;
            return string.Join(", ", new[]
            {
                isPart ? $"{names[0]} {data.Train.Count}" : $"{string.Join(' ', ((TextColumn)data.Train["class"]).Words)} {data.Train.Count}",
                data.Validation is null ? null : $"{names[1]} {data.Validation.Count}",
                data.Test is null ? null : data.Validation is null
                    ? $"{names[1]} {data.Test.Count}{(names[1] == "val" ? " tests" : "")}"
                    : $"{names[2]} {data.Test.Count}",
            }.OfType<string>()) + string.Concat(
                data.Warnings.Select(warning => $"; {warning.Replace(path, "*", StringComparison.Ordinal)}"));
        }
        catch (DataFormatException error)
        {
            return error.Message.Replace(path, "*", StringComparison.Ordinal);
        }
    }
}
