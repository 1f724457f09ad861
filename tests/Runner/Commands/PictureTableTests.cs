namespace Engine.Tests.Runner;

/// <summary><c>train</c> and <c>predict</c> with a table that names pictures.</summary>
[NonParallelizable]
public class PictureTableTests
{
    [Test]
    public async Task Pictures_that_a_table_names_are_trained_on_tested_and_predicted()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("images"));
        for (int i = 0; i < 40; i++)
        {
            File.WriteAllBytes(folder.File($"images/{i}.png"), PngWriter.Write(
                [.. Enumerable.Range(0, 30 * 20).Select(j => (byte)((i % 2 == 0 ? 200 : 20) + ((i + j) % 30)))],
                width: 10));
        }

        string table = folder.File("labels.csv"), model = folder.File("labels.model");
        File.WriteAllText(table, "file,when\n"
            + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i}.png,{(i % 2 == 0 ? "day" : "night")}\n")));

        (int code, string output, string errors) = await TestCommandLine.RunOnConsole(
            "train", table, "--target", "when", "--size", "8", "--epochs", "10", "--network", "mlp", "--save", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain($"'file' names the pictures, in the folder '{folder.File("images")}'."));

        (code, output, errors) = await TestCommandLine.RunOnConsole("predict", "--load", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("8 of 8 right"));

        (code, output, errors) = await TestCommandLine.RunOnConsole(
            "predict", "--load", model, table, "--format", "json");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match("images[^}]*/1\\.png\"[^}]*\"night\""));
    }
}
