using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using Engine.Configuration;
using Engine.Devices;
using Engine.IO;
using Engine.Server;

namespace Engine.Runner;

/// <summary>Serves a model over HTTP, with a page for people.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        Option<string> load = new("--load")
        {
            HelpName = "FILE",
            Description = "The model that train saved, or an ONNX file.",
            Required = true,
        };
        Option<int> port = CommonOptions.Whole("--port", 0, 8080, "The port; 0 for any that is free.");
        Option<string?> host = new("--host")
        {
            HelpName = "ADDRESS",
            Description = "Where to listen; 0.0.0.0 for all of this machine's addresses, and then only with a token. "
                + "[default: this machine alone]",
        };
        Option<string?> token = new("--token")
        {
            HelpName = "TOKEN",
            Description = "What callers must show. [default: none on this machine alone, else one is made up and said]",
        };
        Option<int> batch =
            CommonOptions.Whole("--max-batch", 1, 128, "How many samples are predicted at once, at most.");
        Option<int> megabytes = CommonOptions.Whole("--max-megabytes", 1, 16, "How large a request may be.");
        Option<int> seconds = CommonOptions.Whole("--timeout", 1, 30, "How many seconds a request may take.");
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> threads = CommonOptions.Threads();
        var command = new Command(
            "serve", "Serve a model of your own data over HTTP, with a page to drop pictures on or fill a form in.")
        {
            load, port, host, token, batch, megabytes, seconds, device, threads,
        };
        var onnx = new OnnxOptions();
        onnx.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output, errors = parsed.InvocationConfiguration.Error;
            string file = parsed.GetRequiredValue(load);
            string? given = parsed.GetValue(host);
            IPAddress? address = given is null or "localhost"
                ? IPAddress.Loopback
                : IPAddress.TryParse(given, out IPAddress? parsedAddress)
                ? parsedAddress
                : throw new EngineException(
                    $"--host is an address of this machine, 0.0.0.0 or 192.168.1.5 say, not '{given}'.");
            if (parsed.GetValue(port) > ushort.MaxValue)
            {
                throw new EngineException($"--port is from 0 to {ushort.MaxValue}, not {parsed.GetValue(port)}.");
            }

            EngineOptions configuration =
                CommonOptions.Configure(parsed.GetValue(device), parsed.GetValue(threads), notes: errors);
            bool isOnnx = OnnxOptions.IsOnnx(file);
            SafetensorsFile? parameters = isOnnx ? null : ModelFile.Read(file);
            using Device opened = DeviceSelection.Open(parsed.GetValue(device), configuration, errors);
            using Models.Model model = isOnnx
                ? Models.Model.FromOnnx(file, onnx.Read(parsed), opened)
                : Models.Model.Load(parameters!, file, opened, configuration.FloatX);
            bool isAlone = IPAddress.IsLoopback(address);
            string? secret = parsed.GetValue(token)
                ?? (isAlone ? null : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
            await using PredictionServer server = await PredictionServer.StartAsync(
                model,
                new ServerOptions
                {
                    Port = parsed.GetValue(port),
                    Address = address,
                    Token = secret,
                    MaxBatch = parsed.GetValue(batch),
                    MaxBody = (long)parsed.GetValue(megabytes) << 20,
                    Timeout = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                },
                cancellation);
            await output.WriteLineAsync(
                $"Serving {file} on {server.Address}{(secret is null ? "" : $"?token={secret}")}; Ctrl-C ends it.");
            await output.FlushAsync(cancellation);
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }
            catch (OperationCanceledException)
            {
                await server.StopAsync();
            }

            await output.WriteLineAsync("Stopped; every request that was taken in is answered.");
            return CommandLine.Done;
        });
        return command;
    }
}
