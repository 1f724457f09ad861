using Engine.Build;
using Engine.Devices;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Tests.Runner;

public class NetworkFileTests
{
    private const string Json = """
        {
          "name": "small", // comments are allowed
          "layers": [
            { "name": "input", "kind": "input", "shape": [1, 32, 32] },
            { "kind": "conv2d", "filters": 4, "size": [3, 2], "pad": "same", "stride": 2, "bias": false },
            { "kind": "batch_norm" },
            { "kind": "average_pool2d", "size": 2, "stride": "2x1", "ignore_border": false },
            { "kind": "dropout", "p": 0.25 },
            { "name": "output", "kind": "dense", "units": 10, "nonlinearity": "softmax", "weights": "he_normal", "gain": 1.5 },
          ],
          "update": { "rule": "adam", "learning_rate": 0.002 },
          "epochs": 3, "batch": 16, "seed": 7,
          "data": { "images": 100, "validation": 0.1, "shuffle": true }
        }
        """;

    private const string Ini = """
        name = small
        epochs = 3
        batch = 16
        seed = 7

        [layer input]
        kind = input
        shape = 1x32x32

        [layer]
        kind = conv2d
        filters = 4
        size = 3x2
        pad = same
        stride = 2
        bias = false

        [layer]
        kind = batch_norm

        [layer]
        kind = average_pool2d
        size = 2
        stride = 2x1
        ignore_border = false

        [layer]
        ; half of a half
        kind = dropout
        p = 0.25

        [layer output]
        kind = dense
        units = 10
        nonlinearity = softmax
        weights = he_normal
        gain = 1.5

        [update]
        rule = adam
        learning_rate = 0.002

        [data]
        images = 100
        validation = 0.1
        shuffle = true
        """;

    [Test]
    public void Json_and_ini_describe_the_same_network_and_a_model_carries_it_along()
    {
        NetworkDescription json = DescriptionReader.Parse(Json, "small.json");
        NetworkDescription ini = DescriptionReader.Parse(Ini, "small.ini");

        Assert.That(ini.ToJson(), Is.EqualTo(json.ToJson()));
        Assert.That(DescriptionReader.Parse(json.ToJson(), "again").ToJson(), Is.EqualTo(json.ToJson()));
        Assert.That(json.Data, Is.EqualTo(new DataDescription(100, 0.1, true)));
        Assert.That((json.Epochs, json.Batch, json.Seed), Is.EqualTo((3, 16, 7)));
        Assert.That(json.MakeUpdate(), Is.EqualTo(new Adam(0.002f)));
    }

    [Test]
    public void What_a_file_says_of_a_layer_is_what_the_layer_has()
    {
        (string Name, Layer Layer)[] layers = DescriptionReader.Parse(
            Json.Replace("\"same\"", "\"1x0\"", StringComparison.Ordinal), "small.json").MakeLayers();

        Assert.That(layers.Select(layer => layer.Name), Is.EqualTo(
            new[] { "input", "conv2d1", "batchnorm2", "averagepool2d3", "dropout4", "output" }));
        var conv = (Conv2D)layers[1].Layer;
        Assert.That((conv.Filters, conv.Size, conv.Stride, conv.Pad.ToString(), conv.B), Is.EqualTo(
            (4, (Size2D)(3, 2), (Size2D)2, "1x0", (Initializer?)null)));
        var pool = (AveragePool2D)layers[3].Layer;
        Assert.That((pool.Size, pool.Stride, pool.IgnoreBorder), Is.EqualTo(((Size2D)2, (Size2D?)(2, 1), false)));
        Assert.That(((Dropout)layers[4].Layer).P, Is.EqualTo(0.25));
        Assert.That(((Dense)layers[5].Layer).W, Is.EqualTo(new HeNormal(1.5)));
        using var net = new NeuralNet(layers);
        net.Initialize();
        Assert.That(net.Layers[^1].OutputShape[1], Is.EqualTo(10));
    }

    [TestCase("", null)]
    [TestCase("constant", null)]
    [TestCase("step", 0.08, "step_epochs", "4", "step_factor", "0.5")]
    [TestCase("steps", 0.08, "step_parts", "0.3, 0.9", "step_factor", "0.5")]
    [TestCase("linear", 0.12, "last_learning_rate", "0.08")]
    [TestCase("cosine", 0.12, "last_learning_rate", "0.08")]
    [TestCase("one_cycle", 0.16, "rise", "0.5")]
    public void A_schedule_is_made_of_the_keys_beside_its_name(string name, double? middle, params string[] keys)
    {
        string update = name.Length == 0 ? "" : $"schedule = {name}\n" + string.Concat(
            keys.Chunk(2).Select(pair => $"{pair[0]} = {pair[1]}\n"));
        NetworkDescription network = DescriptionReader.Parse(
            Ini.Replace("epochs = 3", "epochs = 5", StringComparison.Ordinal)
                .Replace("learning_rate = 0.002\n", $"learning_rate = 0.16\n{update}", StringComparison.Ordinal),
            "small.ini");

        AdjustVariable[] made =
            [.. DescriptionReader.Parse(network.ToJson(), "again").MakeCallbacks().Cast<AdjustVariable>()];

        Assert.That(
            made.Select(callback => callback.Setting), middle is null ? Is.Empty : Is.EqualTo(["learning_rate"]));
        double[] values = [.. made.Select(callback => callback.Schedule.At(
            new SchedulePosition(name == "step" ? 5 : 3, 0, 1, callback.Schedule.Epochs ?? 5)))];
        Assert.That(values, Is.EqualTo(middle is { } value ? new[] { value } : []).Within(1e-12));
    }

    [Test]
    public void Patience_ends_the_training_early()
    {
        NetworkDescription network = DescriptionReader.Parse(
            Json.Replace("\"epochs\": 3", "\"patience\": 4, \"epochs\": 3", StringComparison.Ordinal), "small.json");

        var made = (EarlyStopping)DescriptionReader.Parse(network.ToJson(), "again").MakeCallbacks().Single();

        Assert.That((made.Patience, made.Watch, made.RestoreBest), Is.EqualTo((4, Metric.ValidLoss, true)));
    }

    [Test]
    public void What_ships_is_the_source_s_networks()
    {
        using var mlp = new NeuralNet(Networks.Mlp.MakeLayers());
        using var cnn = new NeuralNet(Networks.Cnn.MakeLayers());
        using var deep = new NeuralNet(Networks.Mlp.WithHidden([100, 100]).MakeLayers());
        mlp.Initialize();
        cnn.Initialize();
        deep.Initialize();

        Assert.That((mlp.LearnableParameters, deep.LearnableParameters, cnn.LearnableParameters), Is.EqualTo(
            (103_510L, 113_610L, 127_906L)));
        Assert.That((Networks.Mlp.Epochs, Networks.Cnn.Epochs, Networks.Cnn.Batch), Is.EqualTo((50, 5, 128)));
        Assert.That(Networks.Mlp.MakeUpdate(), Is.EqualTo(new NesterovMomentum(0.01f, 0.9f)));
        Assert.That(Networks.Cnn.MakeUpdate(), Is.EqualTo(new NesterovMomentum(0.015f, 0.9f)));
    }

    [Test]
    public void Penalties_clipping_and_augmentation_are_read_and_carried_along()
    {
        string text =
            Json.Replace("\"epochs\": 3", "\"epochs\": 3, \"l1\": 0.5, \"l2\": 1e-4", StringComparison.Ordinal)
                .Replace("\"filters\": 4", "\"filters\": 4, \"l2\": 0.25", StringComparison.Ordinal)
                .Replace("\"batch_norm\"", "\"batch_norm\", \"l2\": 0", StringComparison.Ordinal)
                .Replace("\"gain\": 1.5", "\"l1\": 0.125", StringComparison.Ordinal)
                .Replace("0.002", "0.002, \"clip_total_norm\": 5", StringComparison.Ordinal)
                .Replace("\"shuffle\": true", "\"crop\": 4, \"flip\": true, \"cutout\": 8", StringComparison.Ordinal);
        NetworkDescription network = DescriptionReader.Parse(text, "small.json");

        Assert.That(DescriptionReader.Parse(network.ToJson(), "again").ToJson(), Is.EqualTo(network.ToJson()));
        Assert.That((network.L1, network.L2), Is.EqualTo((0.5, 1e-4)));
        Assert.That(
            network.MakeLayers().Select(layer => (layer.Layer.L1, layer.Layer.L2)), Is.EqualTo(new (double?, double?)[]
            {
                (null, null), (null, 0.25), (null, 0), (null, null), (null, null), (0.125, null),
            }));
        Assert.That(network.MakeUpdate(), Is.EqualTo(new Adam(0.002f) { Clip = GradientClip.TotalNorm(5) }));
        Assert.That(network.MakeBatches().Augmentation, Is.EqualTo(
            new Augmentation[] { new RandomCrop(4), new HorizontalFlip(), new Cutout(8) }));
        using NeuralNet net = Experiment.Net(
            new TrainingOptions { Network = network }, Device.Default, DType.Float32, isSynthetic: false);
        Assert.That((net.L1, net.L2, net.Update), Is.EqualTo((0.5, 1e-4, network.MakeUpdate())));
        Assert.That(net.BatchIteratorTrain.Augmentation, Is.EqualTo(network.MakeBatches().Augmentation));
    }

    [Test]
    public void Augmentation_of_a_list_of_pixels_is_refused_with_its_line() => AssertFails(
        Ini.Replace("1x32x32", "1024", StringComparison.Ordinal)
            .Replace("shuffle = true", "flip = true", StringComparison.Ordinal),
        "small.ini",
        "small.ini, line 43: crop, flip and cutout are for images: give the input layer their dimensions, as 1x32x32.");

    [Test]
    public void The_command_line_stands_above_the_file()
    {
        NetworkDescription network = DescriptionReader.Parse(Ini, "small.ini");
        var options = new TrainingOptions { Network = network, Epochs = 9, LearningRate = 0.1f, Images = 50 };

        NetworkDescription described = options.Described();

        Assert.That((described.Epochs, described.Batch, described.Data.Images), Is.EqualTo((9, 16, 50)));
        Assert.That(described.MakeUpdate().LearningRate, Is.EqualTo(0.1f));
        Assert.That(() => (options with { Momentum = 0.5f }).Described(), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("--momentum: the update rule of small.ini, adam, has no momentum."));
    }

    [Test]
    public void A_network_that_branches_is_read_written_and_put_together()
    {
        NetworkDescription described =
            DescriptionReader.Read(Path.Combine(Repository.Root, "samples", "resnet20.json"));
        using var net = new NeuralNet(described.MakeOutput());
        using var again = new NeuralNet(DescriptionReader.Parse(described.ToJson(), "again.json").MakeOutput());
        net.Initialize();
        again.Initialize();

        Assert.That(net.LearnableParameters, Is.EqualTo(272474), "ResNet-20's, with projections");
        Assert.That(
            again.Layers.Select(layer => (layer.Name, string.Join(' ', layer.Inputs))),
            Is.EqualTo(net.Layers.Select(layer => (layer.Name, string.Join(' ', layer.Inputs)))));
    }

    [TestCase("[\"nowhere\"]", "line 3: 'nowhere', an input of 'b', is no layer before it. There are input, a.")]
    [TestCase("[\"b\"]", "line 3: 'b', an input of 'b', is no layer before it. There are input, a.")]
    [TestCase(
        "[\"input\"]", "line 2: no layer is put on 'a': name it in the inputs of one behind it, "
        + "or in the network's outputs, or leave it out.")]
    public void Inputs_name_layers_before_and_none_is_left_over(string inputs, string message) => AssertFails(
        $$"""
        { "layers": [ { "name": "input", "kind": "input", "shape": 1024 },
          { "name": "a", "kind": "dense", "units": 4 },
          { "name": "b", "kind": "add", "inputs": {{inputs}} } ] }
        """,
        "a.json", $"a.json, {message}");

    [TestCase("\"outputs\": [\"sum\", \"twin\"]",
        "line 1: 'twin', an output, is no layer. There are left, right, a, a:2, sum.")]
    [TestCase(
        "\"outputs\": [\"a\"]", "line 4: no layer is put on 'sum': name it in the inputs of one behind it, "
        + "or in the network's outputs, or leave it out.")]
    public void Outputs_name_layers_and_none_is_left_over(string outputs, string message) => AssertFails(
        $$"""
        { "layers": [ { "name": "left", "kind": "input", "shape": 4 }, { "name": "right", "kind": "input", "shape": 4 },
          { "name": "a", "kind": "dense", "units": 4, "inputs": ["left"] },
          { "like": "a", "inputs": ["right"] },
          { "name": "sum", "kind": "add", "inputs": ["a", "a:2"] } ], {{outputs}} }
        """,
        "a.json", $"a.json, {message}");

    [TestCase("{ \"like\": \"b\" }", "'b' is no layer before it, of which it could be another place.")]
    [TestCase("{ \"like\": \"input\" }", "'input' is no layer before it, of which it could be another place")]
    [TestCase("{ \"like\": \"a\", \"units\": 3 }", "'units' is no key of a layer like 'a'")]
    public void A_layer_used_again_has_nothing_of_its_own(string layer, string message) => Assert.That(
        () => DescriptionReader.Parse(
            $$"""
            { "layers": [ { "name": "input", "kind": "input", "shape": 4 },
              { "name": "a", "kind": "dense", "units": 4 },
              {{layer}} ] }
            """,
            "a.json"),
        Throws.TypeOf<EngineException>().With.Message.StartsWith($"a.json, line 3: {message}"));

    private const string Kinds =
        "input, conv2d, max_pool2d, average_pool2d, dense, dropout, batch_norm, activation, concat, add, multiply, "
        + "maximum, average, gaussian_noise, spatial_dropout, drop_path, scale, bias, "
        + "prelu, feature_pool, global_pool, slice, permute, pad, upscale, layer_norm, rms_norm, group_norm, "
        + "local_response_norm, conv1d, conv3d, depthwise_conv2d, separable_conv2d, conv_transpose2d, max_pool1d, "
        + "average_pool1d, inverse, embedding, recurrent, lstm, gru, multi_head_attention, transformer_block, "
        + "positional_encoding, sequence, residual, bidirectional, stacked, recurrence, flatten, reshape";

    [TestCase("\"epochs\": 3", "\"epoch\": 3",
        "line 12: 'epoch' is no key of a network: did you mean 'epochs'? It has name, outputs, epochs, batch, seed, "
        + "patience, l1, l2.")]
    [TestCase("\"epochs\": 3", "\"epochs\": 3.5",
        "line 12: epochs of a network must be a whole number, at least 0, not '3.5'.")]
    [TestCase("\"epochs\": 3", "\"epochs\": null",
        "line 12: epochs is null, where a number, a text, true, false or a list of numbers was due.")]
    [TestCase("\"epochs\": 3", "\"seed\": 3", "line 12: seed is given twice; the first time on line 12.")]
    [TestCase(
        "\"filters\": 4", "\"filtres\": 4", "line 5: 'filtres' is no key of conv2d: did you mean 'filters'? It has "
            + "filters, size, stride, pad, dilation, groups, flip_filters, untie_biases, nonlinearity, weights, gain, "
            + "bias, l1, l2, is_trainable, rate_factor.")]
    [TestCase("\"filters\": 4, ", "", "line 5: conv2d needs filters.")]
    [TestCase("[3, 2]", "[3, 2, 1]",
        "line 5: size of conv2d must be a number or HEIGHTxWIDTH, as 3 or 3x2, at least 1, not '3x2x1'.")]
    [TestCase("\"same\"", "\"some\"",
        "line 5: pad of conv2d must be valid, same, full, or a number of pixels or HEIGHTxWIDTH, not 'some': did you "
        + "mean 'same'?")]
    [TestCase("batch_norm", "batchnorm",
        "line 6: there is no kind of layer 'batchnorm': did you mean 'batch_norm'? There are " + Kinds + ".")]
    [TestCase("\"kind\": \"batch_norm\"", "", "line 6: the layer has no kind: one of " + Kinds + ".")]
    [TestCase("0.25", "1", "line 8: p of dropout must be a number from 0 up to, not including, 1, not '1'.")]
    [TestCase("\"softmax\"", "\"sofmax\"",
        "line 9: nonlinearity of dense must be one of rectify, leaky_rectify, elu, sigmoid, "
        + "tanh, softplus, softmax, linear, gelu, selu, silu, mish, softsign, hard_sigmoid, hard_tanh, scaled_tanh, "
        + "leaky_rectify(NUMBER) or elu(NUMBER), not 'sofmax': did you mean 'softmax'?")]
    [TestCase("\"name\": \"output\"", "\"name\": \"input\"",
        "line 9: two layers are named 'input': give this one another name.")]
    [TestCase("\"adam\"", "\"adma\"", "line 11: there is no update rule 'adma': did you mean 'adam'? There are "
        + "nesterov_momentum, momentum, sgd, adagrad, rmsprop, adam, adadelta, adamax, amsgrad, adamw, muon.")]
    [TestCase("0.002", "0", "line 11: learning_rate of the update rule adam must be a number greater than 0, not '0'.")]
    [TestCase("\"learning_rate\": 0.002", "\"clip_norm\": 1, \"clip_value\": 2",
        "line 11: clip_norm and clip_value are both given: gradients are clipped in one way.")]
    [TestCase("\"learning_rate\": 0.002", "\"clip_norm\": 0",
        "line 11: clip_norm of the update rule adam must be a number greater than 0, not '0'.")]
    [TestCase("\"seed\": 7", "\"l2\": -1", "line 12: l2 of a network must be a number from 0 on, not '-1'.")]
    [TestCase("\"shuffle\": true", "\"crop\": 0", "line 13: crop of data must be a whole number, at least 1, not '0'.")]
    [TestCase("0.002", "0.002, \"schedule\": \"cosin\"",
        "line 11: there is no schedule 'cosin': did you mean 'cosine'? There are "
        + "constant, step, steps, linear, cosine, one_cycle.")]
    [TestCase("0.002", "0.002, \"schedule\": \"cosine\", \"rise\": 0.5",
        "line 11: 'rise' is no key of the update rule adam with the "
        + "schedule cosine. It has learning_rate, beta1, beta2, epsilon, clip_value, clip_norm, clip_total_norm, "
        + "schedule, last_learning_rate.")]
    [TestCase("\"seed\": 7,\n  \"data\": { \"images\": 100, \"validation\": 0.1",
        "\"patience\": 3, \"data\": { \"validation\": 0",
        "line 12: patience watches the loss on validation images, but validation is 0.")]
    [TestCase("0.1, ", "0.7, ", "line 13: validation of data must be a number from 0 to 0.5, not '0.7'.")]
    [TestCase("{ \"kind\": \"batch_norm\" }", "{ \"kind\": \"input\", \"shape\": 3 }",
        "line 5: no layer is put on 'conv2d1': name it in the inputs of one behind it, or in the network's outputs, "
        + "or leave it out.")]
    [TestCase("{ \"name\": \"input\", \"kind\": \"input\", \"shape\": [1, 32, 32] },", "",
        "line 5: the first layer is of kind input, not conv2d.")]
    [TestCase("\"seed\": 7,", "\"seed\": 7",
        "line 13: this is not JSON: '\"' is invalid after a value. Expected either ',', '}', or ']'.")]
    [TestCase("[1, 32, 32]", "[1, 32, 32", "line 4: this is not JSON: '}' is invalid without a matching open.")]
    [TestCase(
        "\"layers\": [", "\"layers\": 3, \"x\": [", "line 3: layers is a list of objects, [ { \"kind\": … }, … ].")]
    public void A_mistake_in_json_is_named_with_file_line_and_key(string right, string wrong, string message) =>
        AssertFails(
            Json.Replace(right, wrong, StringComparison.Ordinal), "small.json", $"small.json, {message}");

    [TestCase("kind = dropout", "kind dropout",
        "line 29: 'kind dropout' is neither [section] nor key = value nor a # comment.")]
    [TestCase("[update]", "[updates]",
        "line 39: there is no section [updates]: did you mean 'update'? There are [layer NAME], [update] and [data].")]
    [TestCase("[data]", "[update]", "line 43: [update] is there twice; the first time on line 39.")]
    [TestCase("units = 10", "units = ten", "line 34: units of dense must be a whole number, at least 1, not 'ten'.")]
    [TestCase("batch = 16", "epochs = 4", "line 3: epochs is given twice; the first time on line 2.")]
    public void A_mistake_in_ini_is_named_with_file_line_and_key(string right, string wrong, string message) =>
        AssertFails(
            Ini.Replace(right, wrong, StringComparison.Ordinal), "small.ini", $"small.ini, {message}");

    [TestCase("", "it.json", "it.json, line 1: this is not JSON: ")]
    [TestCase("[]", "it.json", "it.json, line 1: a description is an object, { \"layers\": [ … ] }.")]
    [TestCase("{}", "it.json", "it.json has no layers: ")]
    [TestCase("", "it.ini", "it.ini has no layers: ")]
    public void A_file_without_a_network_says_so(string text, string path, string message) =>
        Assert.That(() => DescriptionReader.Parse(text, path),
            Throws.TypeOf<EngineException>().With.Message.StartsWith(message));

    [Test]
    public async Task Layers_that_do_not_fit_and_what_is_not_there_are_said_before_data_are_loaded()
    {
        using var folder = new TempFolder();
        string file = folder.File("mine.ini");
        File.WriteAllText(file, Ini.Replace("size = 2\n", "size = 99\n", StringComparison.Ordinal)
            .Replace("ignore_border = false", "ignore_border = true", StringComparison.Ordinal)
            .Replace("pad = same", "pad = 1", StringComparison.Ordinal));
        Assert.That(await Train(file), Does.Match($"averagepool2d3.*Built at .*mine.ini:21"));

        File.WriteAllText(file, Ini.Replace("1x32x32", "1x28x28", StringComparison.Ordinal));
        Assert.That(await Train(file),
            Does.Contain("mine.ini, line 6: shape of the input layer is 1x28x28, but the images are"));

        File.WriteAllText(file, Ini.Replace("units = 10", "units = 9", StringComparison.Ordinal)
            .Replace("pad = same", "pad = 1", StringComparison.Ordinal));
        Assert.That(await Train(file),
            Does.Contain("mine.ini, line 32: the last layer gives 9 numbers an image, but there are 10"));

        Assert.That(await Train("cnm"), Does.StartWith("There is no file cnm: did you mean 'cnn'?"));
        Assert.That(await Train(folder.File("none.json")), Is.EqualTo($"There is no file {folder.File("none.json")}."));
    }

    [TestCase("mlp", "mlp.ini")]
    [TestCase("cnn", "cnn.json")]
    public async Task A_shipped_network_is_printed_to_begin_one_s_own_with(string name, string file)
    {
        using StringWriter output = new(), errors = new();
        string[] args = ["train", name, "--print"];

        int code = await CommandLine.Run(
            CommandLine.Root(Commands.Create()), args, output, errors, CancellationToken.None);

        Assert.That(code, Is.Zero);
        Assert.That(
            DescriptionReader.Parse(output.ToString(), file).ToJson(), Is.EqualTo(Networks.Find(name).ToJson()));
    }

    private static async Task<string> Train(string file)
    {
        using var errors = new StringWriter();
        string[] args = ["train", file, "--data", "/there is none"];
        int code = await CommandLine.Run(
            CommandLine.Root(Commands.Create()), args, TextWriter.Null, errors, CancellationToken.None);
        Assert.That(code, Is.EqualTo(1));
        return errors.ToString().Trim();
    }

    private static void AssertFails(string text, string path, string message)
    {
        // Other tests may have registered kinds of custom layers.
        string own = string.Concat(LayerKind.All.Skip(LayerKind.BuiltIn.Count).Select(kind => $", {kind.Name}"));
        Assert.That(
            () => DescriptionReader.Parse(text, path),
            Throws.TypeOf<EngineException>().With.Message
                .EqualTo(message.Replace(Kinds, Kinds + own, StringComparison.Ordinal)));
    }
}
