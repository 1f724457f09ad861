using Engine.Devices;
using Engine.Models;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Engine.Server;

/// <summary>Adds models as services of a web application.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Adds a saved model as one <see cref="Model"/> for all requests. It needs no lock: any number of threads may
    /// predict. It is loaded at its first use.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="path">The model's file.</param>
    /// <param name="device">The device; null for the default device.</param>
    public static IServiceCollection AddNeuralNet(
        this IServiceCollection services, string path, Device? device = null) =>
        services.AddSingleton(provider =>
        {
            Model model = Model.Load(path, device);
            provider.GetService<ILoggerFactory>()?.CreateLogger("Engine").LogModel(path, model);
            return model;
        });
}
