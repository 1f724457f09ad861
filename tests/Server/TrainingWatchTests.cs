using System.Net;
using Engine.Layers;
using Engine.Server;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Server;

/// <summary>The page that shows a training.</summary>
public class TrainingWatchTests
{
    [Test]
    public async Task Who_asks_is_told_what_has_happened_and_then_the_end()
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();
        using var client = new HttpClient { BaseAddress = watch.Address };
        using NeuralNet net = Net(watch);
        // The response begins when the reader is registered, so that the reader gets all events.
        using HttpResponseMessage before = await client.GetAsync("events", HttpCompletionOption.ResponseHeadersRead);

        (Tensor x, int[] y) = Toy.Images(60);
        await Task.Run(() => net.Fit(x, y));

        string told = await before.Content.ReadAsStringAsync(), after = await client.GetStringAsync("events");
        foreach (string events in (string[])[told, after])
        {
            Assert.That(events, Does.StartWith("event: begin\ndata: {\"parameters\":"));
            Assert.That(events.Split("event: epoch\n"), Has.Length.EqualTo(1 + 3));
            Assert.That(events, Does.Contain(
                "event: filters\ndata: {\"layer\":\"conv\",\"planes\":1,\"height\":3,\"width\":3,\"filters\":[["));
            Assert.That(events, Does.Contain("\"valid_accuracy\":"));
        }

        Assert.That(told, Does.Contain("event: progress").And
            .EndWith("event: end\ndata: {\"text\":\"The training has ended.\"}\n\n"));
        Assert.That(after, Does.Not.Contain("event: progress"));
    }

    [Test]
    public async Task The_button_ends_the_training_and_no_other_site_can_press_it()
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();
        using var client = new HttpClient { BaseAddress = watch.Address };
        using NeuralNet net = Net(watch);
        net.MaxEpochs = 1000;
        HttpStatusCode? foreign = null, pressed = null;
        net.Callbacks.Add(new LambdaCallback
        {
            EpochFinished = (_, record) =>
            {
                if (record.Epoch == 2)
                {
                    foreign = client.PostAsync("stop", null).Result.StatusCode;
                    using var press =
                        new HttpRequestMessage(HttpMethod.Post, "stop") { Headers = { { "X-Engine-Watch", "1" } } };
                    pressed = client.Send(press).StatusCode;
                }
            },
        });

        (Tensor x, int[] y) = Toy.Images(60);
        await Task.Run(() => net.Fit(x, y));

        Assert.That((foreign, pressed), Is.EqualTo((HttpStatusCode.Forbidden, HttpStatusCode.NoContent)));
        Assert.That(net.TrainHistory, Has.Count.EqualTo(2));
        Assert.That(watch.IsStopped, Is.True);
        Assert.That(await client.GetStringAsync("events"), Does.Contain("Stopped on this page."));
    }

    [TestCase("/", "watch.js")]
    [TestCase("/watch.js", "EventSource")]
    [TestCase("/page.css", "color-scheme")]
    public async Task The_page_is_whole_by_itself(string path, string holds)
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();
        using var client = new HttpClient { BaseAddress = watch.Address };

        using HttpResponseMessage response = await client.GetAsync(path);

        string text = (await response.Content.ReadAsStringAsync()).Replace(
            "http://www.w3.org/2000/svg", "", StringComparison.Ordinal);
        Assert.That(text, Does.Contain(holds).And.Not.Contain("http:").And.Not.Contain("https:"));
        Assert.That(
            response.Headers.GetValues("Content-Security-Policy").Single(), Does.StartWith("default-src 'self'"));
    }

    [Test]
    public async Task Under_another_name_it_says_nothing()
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();
        using var client = new HttpClient { BaseAddress = watch.Address };
        using var request =
            new HttpRequestMessage(HttpMethod.Get, "events") { Headers = { Host = "elsewhere.example" } };

        using HttpResponseMessage response = await client.SendAsync(request);

        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task A_port_that_is_taken_is_said()
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();

        Assert.That(() => TrainingWatch.StartAsync(watch.Address.Port),
            Throws.InstanceOf<EngineException>().With.Message.Contains("choose another port"));
    }

    private static NeuralNet Net(TrainingWatch watch) => new(
        ("input", new Input(1, 32, 32)), ("conv", new Conv2D(4, 3)), ("pool", new MaxPool2D(4)),
        ("output", new Dense(10, Softmax)))
    {
        MaxEpochs = 3,
        Callbacks = [watch],
    };
}
