namespace Engine.Interop;

/// <summary>Specifies the kinds of systems on which NVIDIA's libraries are installed in different ways.</summary>
internal enum HostSystem
{
    /// <summary>Debian and its derivatives, such as Ubuntu.</summary>
    Debian,

    /// <summary>Another Linux.</summary>
    Linux,

    /// <summary>Linux on Windows (WSL).</summary>
    Wsl,

    /// <summary>Windows.</summary>
    Windows,

    /// <summary>A system without NVIDIA's GPUs.</summary>
    MacOS,
}

/// <summary>Advice for a missing library of NVIDIA's, in a clause for an error or for <c>doctor</c>.</summary>
internal static class Remedies
{
    private const string NoGpu = "compute on the CPU: there are no GPUs of NVIDIA's for macOS";
    private const string Named = "or name its folder in ENGINE_CUDA_PATH";

    private static readonly Lazy<HostSystem> s_here = new(() =>
        OperatingSystem.IsWindows() ? HostSystem.Windows
        : OperatingSystem.IsMacOS() ? HostSystem.MacOS
        : Directory.Exists("/usr/lib/wsl/lib") ? HostSystem.Wsl
        : File.Exists("/etc/debian_version") ? HostSystem.Debian
        : HostSystem.Linux);

    /// <summary>Gets the system of this process.</summary>
    public static HostSystem Here => s_here.Value;

    public static string Driver(HostSystem system) => system switch
    {
        HostSystem.Debian => "install NVIDIA's driver (Debian: nvidia-driver)",
        HostSystem.Linux => "install NVIDIA's driver, from the system's packages or from www.nvidia.com/drivers",
        HostSystem.Wsl => "install NVIDIA's driver in Windows, not in here: WSL takes that one",
        HostSystem.Windows => "install NVIDIA's driver from www.nvidia.com/drivers",
        _ => NoGpu,
    };

    public static string Nvrtc(HostSystem system) => system switch
    {
        HostSystem.Debian or HostSystem.Wsl =>
            $"install it (Debian: libnvrtc12; pip: nvidia-cuda-nvrtc-cu12; or a CUDA toolkit) {Named}",
        HostSystem.Linux or HostSystem.Windows =>
            $"install it (pip: nvidia-cuda-nvrtc-cu12; or a CUDA toolkit) {Named}",
        _ => NoGpu,
    };

    public static string CuBlas(HostSystem system) => system == HostSystem.MacOS
        ? NoGpu
        : $"install it (pip: nvidia-cublas-cu12; or a CUDA toolkit) {Named}, if only to compare with it";

    public static string Nccl(HostSystem system) => system switch
    {
        HostSystem.Debian or HostSystem.Wsl => $"install it (Debian: libnccl2; pip: nvidia-nccl-cu12) {Named}",
        HostSystem.Linux => $"install it (pip: nvidia-nccl-cu12) {Named}",
        HostSystem.Windows => "train on one GPU, or in WSL: there is no NCCL for Windows",
        _ => NoGpu,
    };
}
