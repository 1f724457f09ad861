using Engine.Tests.Devices.Cuda;

namespace Engine.Tests;

/// <summary>
/// Chooses CUDA's driver or the double before the first test, and disposes of the device after the last.
/// </summary>
[SetUpFixture]
public sealed class CudaSetUp
{
    [OneTimeSetUp]
    public void Choose() => CudaTestDevice.Choose();

    [OneTimeTearDown]
    public void Close() => CudaTestDevice.Close();
}
