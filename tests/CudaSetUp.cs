using Engine.Tests.Devices.Cuda;

namespace Engine.Tests;

/// <summary>
/// Chooses the driver, CUDA's or a double, before the first test, and releases the device after the last.
/// </summary>
[SetUpFixture]
public sealed class CudaSetUp
{
    [OneTimeSetUp]
    public void Choose() => CudaTestDevice.Choose();

    [OneTimeTearDown]
    public void Close() => CudaTestDevice.Close();
}
