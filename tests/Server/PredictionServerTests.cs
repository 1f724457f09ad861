using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Engine.Data;
using Engine.Models;
using Engine.Server;
using Engine.Tests.Runner;
using Model = Engine.Models.Model;

namespace Engine.Tests.Server;

public class PredictionServerTests
{
    /// <summary>A form up to the end of its only part.</summary>
    private const string Part = "--x\r\nContent-Disposition: form-data; name=a; filename=a.png\r\n\r\nno picture";

    private static readonly Lazy<Model> s_table = new(() => Model.Train(
        new DataSet("tools", new Table(
            new NumberColumn("weight", [.. Enumerable.Range(0, 60).Select(i => (double)(i % 7))]),
            new TextColumn("color", Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? "red" : "blue")),
            new TextColumn("kind", Enumerable.Range(0, 60).Select(i => i % 7 > 3 ? "heavy" : "light"))), "kind"),
        new ModelOptions { Epochs = 5 }));

    private static readonly Lazy<Model> s_pictures = new(() => Model.Train(
        new DataSet("pictures", new Table(
            new TensorColumn("picture", Tensor.From<byte>(
                [.. Enumerable.Range(0, 20 * 64).Select(i => (byte)(i / 64 % 2 == 0 ? 20 : 230))], 20, 1, 8, 8)),
            new TextColumn("class", Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? "dark" : "bright"))), "class"),
        new ModelOptions { Epochs = 3, Network = "mlp" }));

    [OneTimeTearDown]
    public void DisposeModels()
    {
        s_table.Value.Dispose();
        s_pictures.Value.Dispose();
    }

    [Test]
    public async Task Many_at_once_are_answered_as_each_alone()
    {
        Model model = s_table.Value;
        await using PredictionServer server = await Start(model);
        using HttpClient client = Client(server);

        string[] answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            using HttpResponseMessage response =
                await client.PostAsync("predict", Json($"{{\"weight\": {i % 7}, \"color\": \"red\"}}"));
            return $"{(int)response.StatusCode} {Result(await response.Content.ReadAsStringAsync())}";
        }));

        string[] alone = [.. Enumerable.Range(0, 200).Select(i =>
            $"200 {model.PredictOne(new Dictionary<string, object?> { ["weight"] = i % 7, ["color"] = "red" }).Class}")];
        Assert.That(answers, Is.EqualTo(alone));
        Assert.That(await client.GetStringAsync("metrics"), Does.Contain("engine_requests_total{status=\"200\"} 200"));
    }

    [TestCase(2.5, "2.5")]
    [TestCase(0.1, "0.1")]
    [TestCase(double.NaN, "null")]
    [TestCase(double.NegativeInfinity, "null")]
    public void A_number_of_an_answer_is_a_number_or_null_where_there_is_none(double number, string json)
    {
        Assert.That(Written(new Prediction([], number)), Is.EqualTo($"{{\"predictions\":[{{\"value\":{json}}}]}}"));
        Assert.That(Written(new Prediction([new("cat", number)], double.NaN)),
            Does.Contain($"\"probability\":{json},\"classes\":{{\"cat\":{json}}}"));

        static string Written(Prediction prediction) => Encoding.UTF8.GetString(ModelJson.Write([prediction], [null]));
    }

    [TestCase("""[{"weight": 1, "color": "red"}, {"weight": null, "color": null}, {"weight": "2.5"}]""",
        HttpStatusCode.OK, "light,")]
    [TestCase("""{"rows": [{"weight": 6, "color": "blue"}]}""", HttpStatusCode.OK, "heavy")]
    [TestCase("""{"Weight": 6, "COLOR": "blue"}""", HttpStatusCode.OK, "heavy")]
    [TestCase("""{"Weight": 6, "WEIGHT": 6, "color": "blue"}""", HttpStatusCode.BadRequest, "'weight' is in no row")]
    [TestCase("""{"weight": 1e300, "color": "blue"}""", HttpStatusCode.OK, "heavy")]
    [TestCase("""{"weight": 1""", HttpStatusCode.BadRequest, "This is not JSON: line 1")]
    [TestCase("""{"weight": 1}""", HttpStatusCode.BadRequest, "'color' is in no row")]
    [TestCase("""{"weight": [1], "color": "red"}""", HttpStatusCode.BadRequest,
        "'weight' of row 1 is to be a number, not [1]")]
    [TestCase("[]", HttpStatusCode.BadRequest, "Send 1 to 10000 rows")]
    [TestCase("""{"weight": 1, "color": "\ud800"}""", HttpStatusCode.BadRequest,
        "A text in the request is not valid Unicode.")]
    [TestCase("""{"weight": "\ud800", "color": "red"}""", HttpStatusCode.BadRequest,
        "A text in the request is not valid Unicode.")]
    [TestCase("""{"\ud800": 1, "weight": 1, "color": "red"}""", HttpStatusCode.BadRequest,
        "A text in the request is not valid Unicode.")]
    [TestCase("[1]", HttpStatusCode.BadRequest, "Row 1 is no object")]
    [TestCase("", HttpStatusCode.BadRequest, "This is not JSON")]
    public async Task Rows_are_predicted_or_refused_in_a_sentence(string body, HttpStatusCode status, string said)
    {
        await using PredictionServer server = await Start(s_table.Value);
        using HttpClient client = Client(server);

        using HttpResponseMessage response = await client.PostAsync("predict", Json(body));

        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(status), text);
        Assert.That(response.IsSuccessStatusCode
            ? Result(text)
            : JsonDocument.Parse(text).RootElement.GetProperty("error").GetString(),
            Does.StartWith(said));
    }

    [Test]
    public async Task Pictures_are_predicted_one_or_several_and_what_is_none_is_refused()
    {
        await using PredictionServer server = await Start(s_pictures.Value);
        using HttpClient client = Client(server);
        byte[] dark = PngWriter.Write([.. Enumerable.Repeat((byte)20, 300)], width: 10),
            bright = PngWriter.Write([.. Enumerable.Repeat((byte)230, 300)], width: 10);
        using var form = new MultipartFormDataContent { { new ByteArrayContent(dark), "a", "night.png" },
            { new ByteArrayContent(bright), "b", "day.png" } };

        Assert.That(await Post(Picture(bright)), Is.EqualTo("200 bright"));
        Assert.That(await Post(form), Is.EqualTo("200 dark,bright"));
        Assert.That(await Post(Picture(dark[..40])), Does.StartWith("400"));
        Assert.That(await Post(Json("{}")), Does.StartWith("400"));
        Assert.That(await Post(Picture(new byte[17 << 20])), Does.StartWith("413"));
        // 30,000 x 30,000 pixels in a few bytes: a decompression bomb, as its header shows.
        byte[] bomb = [.. dark];
        Assert.That(
            await Post(
                Picture(
                    [.. bomb[..8], .. PngWriter.Chunk("IHDR"u8, [0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 2, 0, 0, 0]),
                        .. bomb[33..]])),
            Does.StartWith("400").And.Contain("more than the 24,000,000 that are read"));

        async Task<string> Post(HttpContent content)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "predict") { Content = content };
            request.Headers.ExpectContinue = true;
            using HttpResponseMessage response = await client.SendAsync(request);
            string text = await response.Content.ReadAsStringAsync();
            return $"{(int)response.StatusCode} {(response.IsSuccessStatusCode ? Result(text) : text)}";
        }

        static ByteArrayContent Picture(byte[] bytes) => new(bytes) { Headers = { { "Content-Type", "image/png" } } };
    }

    [TestCase("multipart/form-data; boundary=x", Part + "\r\n--x--\r\n", "a.png")]
    [TestCase("multipart/form-data; boundary=x", Part, "The request is cut off or malformed")]
    [TestCase("multipart/form-data; boundary=x", "--x\r\nContent-Dispo", "The request is cut off or malformed")]
    [TestCase("multipart/form-data; boundary=x", "--x\r\n: \r\n\r\n\r\n--x--\r\n",
        "The request is cut off or malformed")]
    [TestCase("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: ;;=\r\n\r\n\r\n--x--\r\n",
        "The request is cut off or malformed")]
    [TestCase("multipart/form-data; boundary=x", "--x--\r\n", "The form has 0 files")]
    [TestCase("multipart/form-data; boundary=x", "", "The form has 0 files")]
    [TestCase("multipart/form-data; boundary=y", Part + "\r\n--x--\r\n", "The request is cut off or malformed")]
    [TestCase("multipart/form-data; boundary=", Part, "The request is cut off or malformed")]
    [TestCase("multipart/form-data; boundary=\"x", Part, "The Content-Type of the form is malformed")]
    [TestCase("multipart/form-data; =x;;", Part, "The Content-Type of the form is malformed")]
    [TestCase("multipart/form-data", Part, "The request is cut off or malformed: Missing content-type boundary.")]
    public async Task A_damaged_form_is_refused_in_a_sentence(string type, string body, string said)
    {
        await using PredictionServer server = await Start(s_pictures.Value);
        using HttpClient client = Client(server);
        using var content = new StringContent(body);
        content.Headers.Remove("Content-Type");
        content.Headers.TryAddWithoutValidation("Content-Type", type);

        using HttpResponseMessage response = await client.PostAsync("predict", content);

        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("error").GetString(), Does.StartWith(said));
        Assert.That(await client.GetStringAsync("metrics"), Does.Contain("engine_requests_total{status=\"400\"} 1"));
    }

    [Test]
    public async Task Only_who_shows_the_token_is_let_in()
    {
        await using PredictionServer server =
            await Start(s_table.Value, new ServerOptions { Port = 0, Token = "secret" });
        using HttpClient client = Client(server);

        Assert.That((await client.GetAsync("model")).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((await client.GetAsync("model?token=wrong")).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((await client.GetAsync("health")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        client.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
        Assert.That((await client.GetAsync("model")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(async () => await Start(s_table.Value, new ServerOptions { Port = 0, Address = IPAddress.Any }),
            Throws.InstanceOf<EngineException>().With.Message.Contains("set a token"));
    }

    [Test]
    public async Task Who_asks_under_another_name_than_this_machines_is_refused()
    {
        await using PredictionServer server = await Start(s_table.Value);
        using HttpClient client = Client(server);
        client.DefaultRequestHeaders.Host = "elsewhere.example";

        Assert.That((await client.GetAsync("/")).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [TestCase("GET", "predict", HttpStatusCode.MethodNotAllowed, "/predict is asked by POST, not by GET.")]
    [TestCase("POST", "health", HttpStatusCode.MethodNotAllowed, "/health is asked by GET, HEAD, not by POST.")]
    [TestCase("GET", "predictions", HttpStatusCode.NotFound,
        "There is no /predictions here: ask /predict, /model, /health or /metrics.")]
    public async Task What_is_not_there_is_said_in_JSON(string method, string path, HttpStatusCode status, string said)
    {
        await using PredictionServer server = await Start(s_table.Value);
        using HttpClient client = Client(server);

        using HttpResponseMessage response =
            await client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));

        Assert.That(response.StatusCode, Is.EqualTo(status));
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.That(answer.RootElement.GetProperty("error").GetString(), Is.EqualTo(said));
    }

    /// <summary>Monitors and load balancers ask by HEAD.</summary>
    [TestCase("/")]
    [TestCase("/health")]
    [TestCase("/metrics")]
    [TestCase("/model")]
    public async Task Who_asks_for_the_head_alone_gets_it(string path)
    {
        await using PredictionServer server = await Start(s_table.Value);
        using HttpClient client = Client(server);

        using HttpResponseMessage head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));

        Assert.That(head.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await head.Content.ReadAsStringAsync(), Is.Empty);
    }

    [Test]
    public void An_address_of_another_machine_is_refused_in_a_sentence() => Assert.That(
        () => Start(s_table.Value, new ServerOptions { Port = 0, Address = IPAddress.Parse("192.0.2.1"), Token = "x" }),
        Throws.TypeOf<EngineException>().With.Message.StartsWith("Port 0 of 192.0.2.1 cannot be listened on: ")
            .And.Message.Contains("Take an address of this machine"));

    [Test]
    public async Task Units_are_told_with_the_inputs_and_the_target()
    {
        using Model model = Model.Train(
            new DataSet("houses", new Table(
                new NumberColumn("area", [.. Enumerable.Range(0, 40).Select(i => i % 11 * 2.5)]) { Unit = "m²" },
                new NumberColumn("price", [.. Enumerable.Range(0, 40).Select(i => i * 1.5)]) { Unit = "€" }), "price"),
            new ModelOptions { Epochs = 1 });
        await using PredictionServer server = await Start(model);
        using HttpClient client = Client(server);

        using JsonDocument told = JsonDocument.Parse(await client.GetStringAsync("model"));

        Assert.That(told.RootElement.GetProperty("unit").GetString(), Is.EqualTo("€"));
        Assert.That(told.RootElement.GetProperty("inputs")[0].GetProperty("unit").GetString(), Is.EqualTo("m²"));
    }

    [Test]
    public async Task The_page_takes_nothing_from_elsewhere()
    {
        await using PredictionServer server = await Start(s_table.Value);
        using HttpClient client = Client(server);

        foreach (string path in (string[])["/", "/page.css", "/page.js"])
        {
            using HttpResponseMessage response = await client.GetAsync(path);
            Assert.That(await response.Content.ReadAsStringAsync(),
                Is.Not.Empty.And.Not.Contain("http:").And.Not.Contain("https:"));
            Assert.That(
                response.Headers.GetValues("Content-Security-Policy").Single(), Does.StartWith("default-src 'self'"));
        }

        using JsonDocument model = JsonDocument.Parse(await client.GetStringAsync("model"));
        Assert.That(model.RootElement.GetProperty("inputs")[1].GetProperty("values").EnumerateArray()
            .Select(value => value.GetString()),
            Is.EqualTo((string[])["blue", "red"]));
    }

    [Test]
    public async Task Stopping_loses_no_request_that_was_taken_in()
    {
        PredictionServer server = await Start(s_table.Value);
        using HttpClient client = Client(server);
        await client.GetAsync("health");
        Task<HttpStatusCode?>[] asked = [.. Enumerable.Range(0, 100).Select(_ => Ask())];
        await Task.WhenAny(asked);
        await server.DisposeAsync();

        HttpStatusCode?[] answers = await Task.WhenAll(asked);

        Assert.That(answers.Where(answer => answer is not null), Is.Not.Empty.And.All.EqualTo(HttpStatusCode.OK));

        // Returns null if the connection was never accepted.
        async Task<HttpStatusCode?> Ask()
        {
            try
            {
                return (await client.PostAsync("predict", Json("""{"weight": 1, "color": "red"}"""))).StatusCode;
            }
            catch (HttpRequestException error) when (error.InnerException is SocketException or IOException)
            {
                return null;
            }
        }
    }

    [Test]
    public async Task Stopping_answers_the_connections_that_wait_to_be_accepted()
    {
        PredictionServer server = await Start(s_table.Value);
        const string Row = """{"weight": 1, "color": "red"}""";
        byte[] request = Encoding.ASCII.GetBytes(
            $"POST /predict HTTP/1.1\r\nHost: {server.Address.Authority}\r\nConnection: close\r\n"
                + $"Content-Type: application/json\r\nContent-Length: {Row.Length}\r\n\r\n{Row}");
        var clients = new List<TcpClient>();
        for (int i = 0; i < 100; i++)
        {
            clients.Add(new TcpClient(server.Address.Host, server.Address.Port));
        }

        Task stopped = server.DisposeAsync().AsTask();
        clients.ForEach(client => client.GetStream().Write(request));
        string[] answers =
            await Task.WhenAll(clients.Select(client => new StreamReader(client.GetStream()).ReadToEndAsync()));

        await stopped;
        clients.ForEach(client => client.Dispose());
        Assert.That(answers, Has.All.StartsWith("HTTP/1.1 200"));
    }

    [Test]
    public async Task A_request_that_does_not_end_is_told_so_in_time()
    {
        await using PredictionServer server =
            await Start(s_table.Value, new ServerOptions { Port = 0, Timeout = TimeSpan.FromMilliseconds(200) });
        using var client = new TcpClient(server.Address.Host, server.Address.Port);
        using NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /predict HTTP/1.1\r\nHost: {server.Address.Authority}\r\nContent-Type: "
            + $"application/json\r\nContent-Length: 100\r\n\r\n{{\"weight\":"));

        using var reader = new StreamReader(stream, Encoding.UTF8);
        string answer = await reader.ReadToEndAsync();

        Assert.That(answer, Does.StartWith("HTTP/1.1 503").And.Contain("The request took too long."));
    }

    private static Task<PredictionServer> Start(Model model, ServerOptions? options = null) =>
        PredictionServer.StartAsync(model, options ?? new ServerOptions { Port = 0 });

    private static HttpClient Client(PredictionServer server) => new() { BaseAddress = server.Address };

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static string Result(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return string.Join(',', document.RootElement.GetProperty("predictions").EnumerateArray()
            .Select(one => one.GetProperty("class").GetString()));
    }
}
