using Engine.Tests.Devices.Cuda;

namespace Engine.Tests;

/// <summary>
/// Chooses what stands for CUDA's driver before the first test, and gives the device back after the last.
/// </summary>
[SetUpFixture]
public sealed class CudaSetUp
{
    [OneTimeSetUp]
    public void Choose() => CudaTestDevice.Choose();

    [OneTimeTearDown]
    public void Close() => CudaTestDevice.Close();
}
