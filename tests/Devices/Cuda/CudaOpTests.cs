using Engine.Devices.Cuda;
using Engine.Ops;
using Engine.Tests.Ops;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Every op gives the same results on the GPU as on the CPU, for the same examples.</summary>
[TestFixture]
public sealed class CudaOpTests
{
    /// <summary>
    /// Of two draws, each sample is tested once, the same in all tests: each kernel takes compiler time.
    /// </summary>
    internal const int Draws = 2;

    private static IEnumerable<TestCaseData> Cases => OpTable.Types
        .Where(type => type.IsAssignableTo(typeof(ICudaOp)))
        .Select(type => new TestCaseData(type).SetArgDisplayNames(OpTable.Name(type)));

    [TestCaseSource(nameof(Cases))]
    public void An_op_computes_what_its_reference_does(Type op) =>
        OpChecks.ComputesWhatItsReferenceDoes(op, CudaTestDevice.Open(), Share.Even, Draws);

    [TestCaseSource(nameof(Cases))]
    public void An_op_computes_the_same_bits_in_place(Type op) =>
        OpChecks.ComputesTheSameBitsInPlace(op, CudaTestDevice.Open(), Share.Even, Draws);

    [TestCaseSource(nameof(Cases))]
    public void DebugMode_raises_no_alarm_about_an_op(Type op) => OpChecks.RaisesNoAlarmInDebugMode(
        op, CudaTestDevice.Open(), Share.Even, Draws, Magnitudes.Special);

    [TestCaseSource(nameof(Cases))]
    public void An_op_refuses_misuse(Type op) => OpChecks.RefusesMisuse(op, CudaTestDevice.Open());

    /// <summary>Except ops that a rewrite makes only for the CPU, and the exchange between ranks on CPUs.</summary>
    [Test]
    public void Every_op_of_the_cpu_runs_on_the_gpu() => Assert.That(
        OpTable.Types.Where(type => type.IsAssignableTo(typeof(Engine.Devices.Cpu.ICpuOp))).Except(
            [typeof(RowWise), typeof(AllReduce), typeof(AllReduceStart), typeof(AllReduceWait), typeof(FromOwners)]),
        Is.SubsetOf(OpTable.Types.Where(type => type.IsAssignableTo(typeof(ICudaOp)))));
}
