using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;

namespace Engine.Tests.Runner;

/// <summary>
/// Words that are misspelled, come from other libraries, or name the wrong kind of thing: the answer says what to do.
/// </summary>
public sealed class WordTests
{
    private readonly TempFolder _folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase("mlp --nesterov 1", "There is no option '--nesterov'.")]
    [TestCase("mlp --lrate 1", "There is no option '--lrate': did you mean '--learning-rate'?")]
    [TestCase("mlp --LR 1", "There is no option '--LR': did you mean '--lr'?")]
    [TestCase("mlp --learning_rate 1", "There is no option '--learning_rate': did you mean '--learning-rate'?")]
    [TestCase("mlp --batchsize 1", "There is no option '--batchsize': did you mean '--batch-size'?")]
    [TestCase("mlp --gpu", "There is no option '--gpu': did you mean '--device cuda'?")]
    [TestCase("cnn --cpu", "There is no option '--cpu': did you mean '--device cpu'?")]
    [TestCase("mlp --workers 2", "There is no option '--workers': did you mean '--threads'?")]
    [TestCase("mlp --n-jobs 2", "There is no option '--n-jobs': did you mean '--threads'?")]
    [TestCase("mlp --random-state 2", "There is no option '--random-state': did you mean '--seed'?")]
    [TestCase("mlp --max-epochs 2", "There is no option '--max-epochs': did you mean '--epochs'?")]
    [TestCase("mlp --verbose", "There is no option '--verbose': did you mean '--quiet'?")]
    [TestCase("mlp --weights f", "There is no option '--weights': did you mean '--load'?")]
    [TestCase("mlp --num-epochs 2", "There is no option '--num-epochs': did you mean '--epochs'?")]
    [TestCase("mlp --nb_epoch 2", "There is no option '--nb_epoch': did you mean '--epochs'?")]
    [TestCase("mlp --hidden-units 2", "There is no option '--hidden-units': did you mean '--hidden'?")]
    [TestCase("mlp --random-seed 2", "There is no option '--random-seed': did you mean '--seed'?")]
    [TestCase("mlp --datadir d", "There is no option '--datadir': did you mean '--data'?")]
    [TestCase("mlp --rate 2", "There is no option '--rate': did you mean '--learning-rate'?")]
    [TestCase("mlp --l2 2", "There is no option '--l2'. See")]
    [TestCase("mlp -v", "There is no option '-v'. See")]
    [TestCase("evaluate", "There is no command 'evaluate': did you mean 'predict'?")]
    [TestCase("fit", "There is no command 'fit': did you mean 'train'?")]
    [TestCase("sumary", "There is no command 'sumary'.")]
    [TestCase(
        "predict --load f --format jsn x.png", "--format must be text, csv or json, not 'jsn': did you mean 'json'?")]
    [TestCase(
        "mlp --device cudda", "--device must be auto, cpu, cuda, gpu, or one GPU: cuda0, cuda1 …, not 'cudda': did you "
            + "mean 'cuda'?")]
    public async Task A_word_of_the_command_line_is_answered_with_the_nearest(string line, string message)
    {
        (int code, _, string errors) = await TestCommandLine.Run(line.Split(' '));

        Assert.That(errors, Does.StartWith(message));
        Assert.That(code, Is.EqualTo(CommandLine.WrongUsage));
    }

    [TestCase("--lr", "0", "--learning-rate must be a number greater than 0, not '0'.")]
    [TestCase("--batch-size", "0", "--batch must be a whole number, at least 1, not '0'.")]
    public async Task Other_names_of_an_option_are_understood(string option, string value, string message) =>
        Assert.That((await TestCommandLine.Run("mlp", option, value)).Errors, Does.StartWith(message));

    [Test]
    public async Task Help_is_a_command_too()
    {
        Assert.That(
            (await TestCommandLine.Run("help")).Output, Is.EqualTo((await TestCommandLine.Run("--help")).Output));
        Assert.That(
            (await TestCommandLine.Run("help", "plot")), Is.EqualTo(await TestCommandLine.Run("plot", "--help")));
    }

    [TestCase("Layers: []", "'Layers' is no key of a network: did you mean 'layers'?")]
    [TestCase("layrs: [{}]", "'layrs' is no key of a network: did you mean 'layers'?")]
    [TestCase("optimizer: {}", "'optimizer' is no key of a network: did you mean 'update'?")]
    [TestCase("batch_size: 1", "'batch_size' is no key of a network: did you mean 'batch'?")]
    [TestCase("epochs: {}", "epochs of a network must be a whole number, at least 0, not '{ … }'.")]
    [TestCase("update: {'rule': 'Adam'}", "there is no update rule 'Adam': did you mean 'adam'?")]
    [TestCase("update: {'rule': 'nesterov'}", "there is no update rule 'nesterov': did you mean 'nesterov_momentum'?")]
    [TestCase(
        "update: {'rule': 'sgd', 'lr': 1}", "'lr' is no key of the update rule sgd: did you mean 'learning_rate'?")]
    [TestCase("update: {'type': 'sgd'}", "'type' is no key of the update rule nesterov_momentum: did you mean 'rule'?")]
    [TestCase("data: {'validation_split': 1}", "'validation_split' is no key of data: did you mean 'validation'?")]
    [TestCase("+ {'kind': 'Dense'}", "there is no kind of layer 'Dense': did you mean 'dense'?")]
    [TestCase("+ {'kind': 'fc'}", "there is no kind of layer 'fc': did you mean 'dense'?")]
    [TestCase("+ {'kind': 'MaxPooling2D'}", "there is no kind of layer 'MaxPooling2D': did you mean 'max_pool2d'?")]
    [TestCase("+ {'kind': 'dense', 'units': 1, 'nonlinearity': 'relu'}",
        "softplus, softmax, linear, gelu, selu, silu, mish, softsign, hard_sigmoid, hard_tanh, "
        + "scaled_tanh, leaky_rectify(NUMBER) or elu(NUMBER), not 'relu': did you mean "
        + "'rectify'?")]
    [TestCase("+ {'kind': 'dense', 'units': 1, 'weights': 'xavier'}", "not 'xavier': did you mean 'glorot_uniform'?")]
    [TestCase("+ {'kind': 'dense', 'units': 1, 'activation': 'relu'}", "'activation' is no key of dense: did you mean "
        + "'nonlinearity'?")]
    [TestCase("+ {'kind': 'conv2d', 'filters': 1, 'size': 1, 'pad': 'smae'}", "not 'smae': did you mean 'same'?")]
    public void A_word_of_a_description_is_answered_with_the_nearest(string what, string message)
    {
        string layer = what is ['+', ..] ? $", {what[2..]}" : "";
        string key = what is ['+', ..] ? "" : $", '{what.Split(": ")[0]}': {what.Split(": ", 2)[1]}";
        string json = $"{{ 'layers': [{{'kind': 'input', 'shape': 4}}{layer}] {key} }}".Replace('\'', '"');

        Assert.That(
            () => DescriptionReader.Parse(json, "mine.json"),
            Throws.TypeOf<EngineException>().With.Message.Contains($"mine.json, line 1: ").And.Message
                .Contains(message));
    }

    [Test]
    public void A_section_of_an_INI_file_is_answered_with_the_nearest() => Assert.That(
        () => DescriptionReader.Parse("[Layer one]\nkind = input", "mine.ini"),
        Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "mine.ini, line 1: there is no section [Layer one]: did you mean 'layer'?"));

    private static readonly (string Name, byte[] Bytes, string Kind)[] s_files =
    [
        ("flowers.csv", [.. "a,b\n1,2\n"u8], "a table of values (CSV)"),
        ("log.csv", [.. "epoch,train_loss\n1,2\n"u8], "a training's history"),
        ("log.jsonl", [.. "{\"epoch\":1,\"train_loss\":2}\n"u8], "a training's history"),
        ("photo", [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10], "a picture"),
        ("photo.jpg", [0xFF, 0xD8, 0xFF, 0xE0], "a picture"),
        ("net", [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "a saved network (safetensors)"),
        ("net.npz", [(byte)'P', (byte)'K', 3, 4], "a zip archive, as .npz files are"),
        ("data.tar.gz", [0x1F, 0x8B, 8], "a packed archive (gzip)"),
        ("houses.xlsx", [(byte)'P', (byte)'K', 3, 4], "a workbook of Excel"),
        ("houses.xls", [0xD0, 0xCF, 0x11, 0xE0, 0xA1], "a workbook of Excel"),
        ("houses.parquet", [.. "PAR1\0\0PAR1"u8], "a table in Parquet"),
        ("houses.db", [.. "SQLite format 3\0"u8], "a database (SQLite)"),
        ("houses.csv.bz2", [.. "BZh91AY"u8], "a file packed by bzip2"),
        ("houses.json", [.. "[{\"area\":1}]"u8], "a list of rows in JSON"),
        ("houses.jsonl", [.. "{\"area\":1}\n{\"area\":2}\n"u8], "a list of rows in JSON"),
        ("houses.arff", [.. "@RELATION houses\n"u8], "a table in ARFF"),
    ];

    [Test]
    public async Task A_file_in_anothers_place_is_called_what_it_is()
    {
        Directory.CreateDirectory(_folder.File("photos"));
        foreach ((string name, byte[] bytes, string kind) in s_files.Append(("photos", [], "a folder")))
        {
            string file = _folder.File(name);
            if (bytes.Length > 0)
            {
                File.WriteAllBytes(file, bytes);
            }

            Assert.That(FileKind.Of(file), Is.EqualTo(kind));
            string train = (await TestCommandLine.Run("train", file)).Errors;
            string wanted =
                $"{file} is {kind}. A network is a file in JSON or INI that describes it, or one of mlp, cnn, resnet: "
                    + "these are trained on CIFAR-10, of which --data names the folder. "
                    + "Own data are a folder of pictures or texts, a table (.csv) or arrays (.npz); "
                    + "write other tables as one of these.";
            Assert.That(
                train, OwnDataOptions.IsData(file) ? Does.StartWith(file).And.Not.EqualTo(wanted) : Is.EqualTo(wanted));
            string plot = (await TestCommandLine.Run("plot", file)).Errors;
            string show = (await TestCommandLine.Run("predict", "--load", file)).Errors;
            bool isHistory = kind is FileKind.History or FileKind.Rows,
                isModel = kind is FileKind.Model or FileKind.Zip;
            Assert.That(plot.StartsWith($"{file} is {kind}. A history is ", StringComparison.Ordinal),
                Is.Not.EqualTo(isHistory));
            Assert.That(
                show.Contains($"{file} is {kind}. A saved network is ", StringComparison.Ordinal),
                Is.Not.EqualTo(isModel), show);
        }
    }

    [Test]
    public async Task Data_that_is_a_file_of_another_kind_is_called_what_it_is()
    {
        string file = _folder.File("houses.csv");
        await File.WriteAllTextAsync(file, "a,b\n");

        Assert.That(
            (await TestCommandLine.Run("cnn", "--device", "cpu", "--data", file)).Errors,
            Does.StartWith($"{file} is a table of values (CSV). --data names the folder with CIFAR-10"));
    }

    [Test]
    public async Task A_model_saved_from_Csharp_says_its_layers_where_its_network_is_not_known()
    {
        string file = _folder.File("own.safetensors");
        Engine.IO.Parameters.Save(file, new OrderedDictionary<string, Tensor>
        {
            ["conv2d1.W"] = new Tensor(DType.Float32, [2, 1, 3, 3]),
            ["dense5.b"] = new Tensor(DType.Float32, [10]),
        });

        Assert.That(
            (await TestCommandLine.Run("predict", "--load", file, "--device", "cpu")).Errors,
            Does.EndWith(
                "Describe it with --network FILE: layers of these names and sizes, conv2d1.W (2, 1, 3, 3), "
                + "dense5.b (10)."));
    }
}
