using System.Globalization;
using System.Text;

namespace Engine.Tests.Simt;

/// <summary>
/// Forms of instructions against values worked out by hand from NVIDIA's PTX manual. Each is run by a whole warp and by
/// a part of one.
/// </summary>
public class PtxFormTests : SimtTests
{
    private const int Threads = 35;

    private string _text = "";

    /// <summary>
    /// A form, what it must give, and its operands: a type, a colon, and bits in hexadecimal, or behind = a number.
    /// </summary>
    private static readonly string[][] s_forms =
    [
        // Whole numbers: sums wrap, and mul.hi is the upper half of the product.
        ["add.s32", "b32:80000000", "b32:7fffffff", "b32:1"],
        ["add.s64", "b64:100000000", "b64:ffffffff", "b64:1"],
        ["add.u64", "b64:0", "b64:ffffffffffffffff", "b64:1"],
        ["add.s16", "b16:8000", "b16:7fff", "b16:1"],
        ["sub.s32", "b32:ffffffff", "b32:1", "b32:2"],
        ["sub.s64", "b64:ffffffffffffffff", "b64:1", "b64:2"],
        ["sub.s16", "b16:ffff", "b16:1", "b16:2"],
        ["mul.lo.s32", "b32:fffe0001", "b32:ffff", "b32:ffff"],
        ["mul.lo.u32", "b32:fffffffe", "b32:ffffffff", "b32:2"],
        ["mul.lo.s64", "b64:fffffffe00000001", "b64:ffffffff", "b64:ffffffff"],
        ["mul.lo.s16", "b16:1", "b16:ffff", "b16:ffff"],
        ["mul.hi.s32", "b32:ffffffff", "b32:ffffffff", "b32:2"],
        ["mul.hi.u32", "b32:1", "b32:ffffffff", "b32:2"],
        ["mul.hi.u64", "b64:1", "b64:ffffffffffffffff", "b64:2"],
        ["mul.hi.s64", "b64:ffffffffffffffff", "b64:ffffffffffffffff", "b64:2"],
        ["mul.wide.s32", "b64:fffffffffffffffe", "b32:ffffffff", "b32:2"],
        ["mul.wide.u32", "b64:1fffffffe", "b32:ffffffff", "b32:2"],
        ["mul.wide.u16", "b32:1fffe", "b16:ffff", "b16:2"],
        ["mul.wide.s16", "b32:fffffffe", "b16:ffff", "b16:2"],
        ["mad.lo.s32", "b32:11", "b32:3", "b32:5", "b32:2"],
        ["mad.wide.u32", "b64:200000001", "b32:ffffffff", "b32:2", "b64:3"],
        ["mad.wide.s32", "b64:1", "b32:ffffffff", "b32:2", "b64:3"],
        ["div.s32", "b32:fffffffd", "b32:fffffff9", "b32:2"],
        ["div.s32", "b32:80000000", "b32:80000000", "b32:ffffffff"],
        ["div.u32", "b32:7fffffff", "b32:ffffffff", "b32:2"],
        ["div.s64", "b64:fffffffffffffffd", "b64:fffffffffffffff9", "b64:2"],
        ["div.u64", "b64:7fffffffffffffff", "b64:ffffffffffffffff", "b64:2"],
        ["rem.s32", "b32:ffffffff", "b32:fffffff9", "b32:2"],
        ["rem.u32", "b32:3", "b32:ffffffff", "b32:6"],
        ["rem.s64", "b64:ffffffffffffffff", "b64:fffffffffffffff9", "b64:2"],
        ["min.s32", "b32:ffffffff", "b32:ffffffff", "b32:1"],
        ["min.u32", "b32:1", "b32:ffffffff", "b32:1"],
        ["max.s32", "b32:1", "b32:ffffffff", "b32:1"],
        ["max.u32", "b32:ffffffff", "b32:ffffffff", "b32:1"],
        ["max.u16", "b16:ffff", "b16:ffff", "b16:1"],
        ["neg.s32", "b32:ffffffff", "b32:1"],
        ["abs.s32", "b32:1", "b32:ffffffff"],
        ["and.b32", "b32:8", "b32:c", "b32:a"],
        ["and.b16", "b16:8", "b16:c", "b16:a"],
        ["and.b64", "b64:800000000", "b64:c00000000", "b64:a00000000"],
        ["or.b32", "b32:e", "b32:c", "b32:a"],
        ["or.b64", "b64:e00000000", "b64:c00000000", "b64:a00000000"],
        ["xor.b32", "b32:6", "b32:c", "b32:a"],
        ["not.b32", "b32:fffffff0", "b32:f"],
        ["and.pred", "pred:0", "pred:1", "pred:0"],
        ["or.pred", "pred:1", "pred:1", "pred:0"],
        ["xor.pred", "pred:0", "pred:1", "pred:1"],
        ["not.pred", "pred:0", "pred:1"],
        // A shift by all bits or more leaves zeros, of a signed number its sign.
        ["shl.b32", "b32:80000000", "b32:1", "b32:1f"],
        ["shl.b32", "b32:0", "b32:1", "b32:20"],
        ["shl.b64", "b64:100000000", "b64:1", "b32:20"],
        ["shl.b16", "b16:fff0", "b16:ffff", "b32:4"],
        ["shr.u32", "b32:1", "b32:80000000", "b32:1f"],
        ["shr.u32", "b32:0", "b32:80000000", "b32:20"],
        ["shr.s32", "b32:ffffffff", "b32:80000000", "b32:40"],
        ["shr.s32", "b32:c0000000", "b32:80000000", "b32:1"],
        ["shr.u64", "b64:1", "b64:8000000000000000", "b32:3f"],
        ["shr.s64", "b64:ffffffffffffffff", "b64:8000000000000000", "b32:7f"],
        ["shr.u16", "b16:f", "b16:f000", "b32:c"],
        ["bfi.b32", "b32:fffff5ff", "b32:5", "b32:ffffffff", "b32:8", "b32:4"],
        ["bfi.b64", "b64:5ffffffff", "b64:5", "b64:ffffffff", "b32:20", "b32:20"],
        ["bfe.u32", "b32:5", "b32:fffff5ff", "b32:8", "b32:4"],
        ["bfe.s32", "b32:fffffffd", "b32:dff", "b32:8", "b32:4"],
        ["clz.b64", "b32:20", "b64:80000000"],
        ["clz.b32", "b32:20", "b32:0"],
        ["popc.b32", "b32:4", "b32:f00"],
        ["brev.b32", "b32:80000000", "b32:1"],
        ["lop3.b32", "b32:96", "b32:f0", "b32:cc", "b32:aa", "imm:96"],
        ["prmt.b32", "b32:44332211", "b32:44332211", "b32:88776655", "b32:3210"],
        ["prmt.b32", "b32:11228855", "b32:44332211", "b32:88776655", "b32:0174"],
        ["selp.b32", "b32:1", "b32:1", "b32:2", "pred:1"],
        ["selp.b64", "b64:2", "b64:1", "b64:2", "pred:0"],
        ["selp.u16", "b16:2", "b16:1", "b16:2", "pred:0"],
        ["selp.f32", "f32:=1", "f32:=1", "f32:=2", "pred:1"],
        ["selp.f64", "f64:=2", "f64:=1", "f64:=2", "pred:0"],

        // Floating point: one rounding in an fma; rm, rz say which way.
        ["add.f32", "f32:=3", "f32:=1", "f32:=2"],
        ["add.rn.f32", "f32:=16777216", "f32:=16777216", "f32:=1"],
        ["add.rz.f32", "f32:=16777218", "f32:=16777218", "f32:=1"],
        ["add.rn.f32", "f32:=16777220", "f32:=16777218", "f32:=1"],
        ["add.f64", "f64:=3", "f64:=1", "f64:=2"],
        ["add.rn.f64", "f64:=0.75", "f64:=0.5", "f64:=0.25"],
        ["sub.f32", "f32:=-1", "f32:=1", "f32:=2"],
        ["sub.f64", "f64:=-1", "f64:=1", "f64:=2"],
        ["mul.f32", "f32:=6", "f32:=2", "f32:=3"],
        ["mul.rn.f32", "f32:=6", "f32:=2", "f32:=3"],
        ["mul.f64", "f64:=6", "f64:=2", "f64:=3"],
        ["mul.rn.f64", "f64:=6", "f64:=2", "f64:=3"],
        // (1 + 2^-12)² = 1 + 2^-11 + 2^-24, whose last term a product alone would lose.
        ["fma.rn.f32", "f32:33800000", "f32:3f800800", "f32:3f800800", "f32:bf801000"],
        ["fma.rn.f64", "f64:=7", "f64:=2", "f64:=3", "f64:=1"],
        ["fma.rm.f32", "f32:3f800000", "f32:=1", "f32:=1", "f32:=0.00000001"],
        ["fma.rm.f32", "f32:3f7fffff", "f32:=1", "f32:=1", "f32:=-0.00000001"],
        ["div.rn.f32", "f32:3eaaaaab", "f32:=1", "f32:=3"],
        ["div.rn.f64", "f64:3fd5555555555555", "f64:=1", "f64:=3"],
        ["rcp.rn.f32", "f32:=0.25", "f32:=4"],
        ["rcp.rn.f64", "f64:=0.25", "f64:=4"],
        ["rcp.approx.ftz.f32", "f32:=0.25", "f32:=4"],
        ["rcp.approx.ftz.f32", "f32:ff800000", "f32:80000001"],
        ["rcp.approx.ftz.f64", "f64:=0.25", "f64:=4"],
        ["sqrt.rn.f32", "f32:=3", "f32:=9"],
        ["sqrt.rn.f64", "f64:=3", "f64:=9"],
        ["ex2.approx.f32", "f32:=8", "f32:=3"],
        ["ex2.approx.ftz.f32", "f32:=0.125", "f32:=-3"],
        ["ex2.approx.ftz.f32", "f32:=0", "f32:=-140"],
        ["abs.f32", "f32:=2", "f32:=-2"],
        ["abs.f64", "f64:=2", "f64:=-2"],
        ["neg.f32", "f32:80000000", "f32:0"],
        ["neg.f64", "f64:=2", "f64:=-2"],
        // The greater of a number and of what is none is the number.
        ["max.f32", "f32:=1", "f32:7fc00000", "f32:=1"],
        ["min.f32", "f32:=1", "f32:=1", "f32:7fc00000"],
        ["max.f32", "f32:0", "f32:80000000", "f32:0"],
        ["min.f64", "f64:=1", "f64:=2", "f64:=1"],

        // Comparisons with what is no number are false, those that end in u true.
        ["setp.eq.s32", "pred:1", "b32:5", "b32:5"],
        ["setp.ne.s32", "pred:0", "b32:5", "b32:5"],
        ["setp.lt.s32", "pred:1", "b32:ffffffff", "b32:0"],
        ["setp.lt.u32", "pred:0", "b32:ffffffff", "b32:0"],
        ["setp.le.s32", "pred:1", "b32:5", "b32:5"],
        ["setp.le.u32", "pred:1", "b32:4", "b32:5"],
        ["setp.gt.s32", "pred:0", "b32:5", "b32:5"],
        ["setp.gt.u32", "pred:1", "b32:ffffffff", "b32:5"],
        ["setp.ge.s32", "pred:1", "b32:5", "b32:5"],
        ["setp.ge.u32", "pred:1", "b32:ffffffff", "b32:5"],
        ["setp.eq.s16", "pred:1", "b16:5", "b16:5"],
        ["setp.ne.s16", "pred:1", "b16:5", "b16:6"],
        ["setp.gt.u16", "pred:1", "b16:ffff", "b16:6"],
        ["setp.eq.s64", "pred:0", "b64:100000000", "b64:0"],
        ["setp.ge.s64", "pred:0", "b64:8000000000000000", "b64:0"],
        ["setp.ne.s64", "pred:1", "b64:100000000", "b64:0"],
        ["setp.gt.s64", "pred:1", "b64:100000000", "b64:0"],
        ["setp.eq.f32", "pred:1", "f32:80000000", "f32:0"],
        ["setp.eq.f32", "pred:0", "f32:7fc00000", "f32:7fc00000"],
        ["setp.lt.f32", "pred:0", "f32:7fc00000", "f32:=1"],
        ["setp.ltu.f32", "pred:1", "f32:7fc00000", "f32:=1"],
        ["setp.le.f32", "pred:1", "f32:=1", "f32:=1"],
        ["setp.gt.f32", "pred:1", "f32:=2", "f32:=1"],
        ["setp.gtu.f32", "pred:1", "f32:=1", "f32:7fc00000"],
        ["setp.ge.f32", "pred:0", "f32:=0", "f32:=1"],
        ["setp.geu.f32", "pred:1", "f32:7fc00000", "f32:=1"],
        ["setp.neu.f32", "pred:1", "f32:7fc00000", "f32:7fc00000"],
        ["setp.nan.f32", "pred:1", "f32:=1", "f32:7fc00000"],
        ["setp.num.f32", "pred:1", "f32:=1", "f32:7f800000"],
        ["setp.lt.f64", "pred:1", "f64:=1", "f64:=2"],
        ["setp.nan.f64", "pred:0", "f64:=1", "f64:=2"],

        // Conversions: what is too large becomes the largest, what is no number zero.
        ["cvt.u32.u64", "b32:1", "b64:200000001"],
        ["cvt.u64.u32", "b64:ffffffff", "b32:ffffffff"],
        ["cvt.s64.s32", "b64:ffffffffffffffff", "b32:ffffffff"],
        ["cvt.u16.u32", "b16:1", "b32:20001"],
        ["cvt.u32.u16", "b32:ffff", "b16:ffff"],
        ["cvt.s32.s16", "b32:ffffffff", "b16:ffff"],
        ["cvt.s32.s8", "b32:ffffff80", "b32:80"],
        ["cvt.u64.u16", "b64:ffff", "b16:ffff"],
        ["cvt.rn.f32.s32", "f32:=-1", "b32:ffffffff"],
        ["cvt.rn.f32.u32", "f32:=4294967296", "b32:ffffffff"],
        ["cvt.rn.f32.s32", "f32:=16777216", "b32:1000001"],
        ["cvt.rn.f32.u16", "f32:=65535", "b16:ffff"],
        ["cvt.rn.f64.s32", "f64:=-1", "b32:ffffffff"],
        ["cvt.rn.f64.s64", "f64:=-1", "b64:ffffffffffffffff"],
        ["cvt.rn.f64.u64", "f64:=18446744073709551616", "b64:ffffffffffffffff"],
        ["cvt.rn.f64.u16", "f64:=65535", "b16:ffff"],
        ["cvt.f64.f32", "f64:=1.5", "f32:=1.5"],
        ["cvt.rn.f32.f64", "f32:3f800000", "f64:3ff0000010000000"],
        ["cvt.rni.f32.f32", "f32:=2", "f32:=2.5"],
        ["cvt.rmi.f32.f32", "f32:=-3", "f32:=-2.5"],
        ["cvt.rpi.f32.f32", "f32:=-2", "f32:=-2.5"],
        ["cvt.rzi.f32.f32", "f32:=-2", "f32:=-2.5"],
        ["cvt.rni.f64.f64", "f64:=4", "f64:=3.5"],
        ["cvt.rmi.f64.f64", "f64:=-3", "f64:=-2.5"],
        ["cvt.sat.f32.f32", "f32:=1", "f32:=2.5"],
        ["cvt.sat.f32.f32", "f32:=0", "f32:7fc00000"],
        ["cvt.rzi.s32.f32", "b32:fffffffe", "f32:=-2.5"],
        ["cvt.rzi.s32.f32", "b32:7fffffff", "f32:=1e20"],
        ["cvt.rzi.s32.f32", "b32:0", "f32:7fc00000"],
        ["cvt.rzi.u32.f32", "b32:0", "f32:=-2.5"],
        ["cvt.rni.s32.f32", "b32:2", "f32:=2.5"],
        ["cvt.rni.s32.f64", "b32:4", "f64:=3.5"],
        ["cvt.rzi.s32.f64", "b32:3", "f64:=3.9"],
        ["mov.b32", "b32:3f800000", "f32:=1"],
        ["mov.b64", "b64:3ff0000000000000", "f64:=1"],
        ["mov.u16", "b16:ffff", "b16:ffff"],
    ];

    private static IEnumerable<TestCaseData> Forms =>
        s_forms.Select(form => new TestCaseData(form[0], form[1], form[2..]).SetArgDisplayNames(
            $"{form[0]} of {string.Join(" and ", form[2..])} is {form[1]}"));

    private protected override byte[] Image => Encoding.ASCII.GetBytes(_text + "\0");

    [TestCaseSource(nameof(Forms))]
    public void A_form_gives_what_the_manual_says(string form, string expected, string[] operands)
    {
        var body = new StringBuilder();
        string[] registers = [.. operands.Select((operand, i) => Operand(operand, i + 1, body))];
        (string type, ulong bits) = Value(expected);
        body.AppendLine($"{form} {Register(type, 0)}, {string.Join(", ", registers)};");
        if (type == "pred")
        {
            body.AppendLine("selp.u32 %r0, 1, 0, %pp0;");
        }

        int bytes = type is "b64" or "f64" ? 8 : 4;
        body.AppendLine(type == "b16" ? "cvt.u32.u16 %r0, %rs0;" : "");
        body.AppendLine($"st.global.b{8 * bytes} [%rd9], {Register(type is "pred" or "b16" ? "b32" : type, 0)};");

        byte[] results = Run(body.ToString(), bytes);

        byte[] one = BitConverter.GetBytes(bits)[..bytes];
        Assert.That(results, Is.EqualTo(Enumerable.Repeat(one, Threads).SelectMany(each => each)));
    }

    [Test]
    public void A_carry_goes_from_one_addition_to_the_next() => Assert.That(
        BitConverter.ToUInt64(Run(
            """
            add.cc.u32 %r1, 0xffffffff, 1;
            addc.cc.u32 %r2, 0xffffffff, 0;
            addc.u32 %r3, 5, 0;
            mov.b64 %rd1, {%r2, %r3};
            st.global.u64 [%rd9], %rd1;
            """,
            8)),
        Is.EqualTo(6ul << 32));

    [Test]
    public void A_product_of_64_bits_is_made_of_four() => Assert.That(
        BitConverter.ToUInt64(Run(
            """
            mov.u64 %rd1, 0xffffffffffffffff;
            mov.b64 {%r1, %r2}, %rd1;
            mul.lo.u32 %r3, %r1, 3;
            mad.lo.cc.u32 %r3, %r1, 3, 0;
            madc.hi.u32 %r4, %r1, 3, 0;
            mad.lo.cc.u32 %r4, %r2, 3, %r4;
            mov.b64 %rd2, {%r3, %r4};
            st.global.u64 [%rd9], %rd2;
            """,
            8)),
        Is.EqualTo(unchecked(ulong.MaxValue * 3)));

    [TestCase("down", 1u, 31u, 3, ExpectedResult = 4u)]
    [TestCase("down", 1u, 31u, 31, ExpectedResult = 31u)]
    [TestCase("up", 2u, 0u, 5, ExpectedResult = 3u)]
    [TestCase("up", 2u, 0u, 1, ExpectedResult = 1u)]
    [TestCase("bfly", 16u, 31u, 3, ExpectedResult = 19u)]
    [TestCase("idx", 7u, 31u, 3, ExpectedResult = 7u)]
    // The upper bits of the clamp cut the warp into segments, here of 8 lanes.
    [TestCase("down", 1u, 0x181fu, 7, ExpectedResult = 7u)]
    [TestCase("idx", 2u, 0x181fu, 13, ExpectedResult = 10u)]
    public uint A_shuffle_takes_from_the_lane_that_it_names(string way, uint by, uint clamp, int lane)
    {
        byte[] results = Run(
            $"mov.u32 %r1, %laneid; shfl.sync.{way}.b32 %r0|%pp1, %r1, {by}, {clamp}, %r8; st.global.u32 [%rd9], %r0;",
            4,
            threads: 32);
        return BitConverter.ToUInt32(results, 4 * lane);
    }

    [Test]
    public void Vectors_narrow_numbers_and_a_threads_own_memory_are_loaded_and_stored()
    {
        byte[] results = Run(
            """
            .local .align 8 .b8 own[16];
            mov.u64 %rd1, own;
            st.local.v4.u32 [%rd1], {1, 2, 0x8003, 0x80};
            ld.local.s8 %r1, [%rd1+12];
            ld.local.s16 %r2, [%rd1+8];
            ld.local.u16 %rd2, [%rd1+8];
            cvta.local.u64 %rd3, %rd1;
            ld.v2.u32 {%r3, %r4}, [%rd3];
            add.s32 %r5, %r3, %r4;
            add.s32 %r1, %r1, %r2;
            cvt.u32.u64 %r2, %rd2;
            add.s32 %r1, %r1, %r2;
            add.s32 %r1, %r1, %r5;
            st.global.u32 [%rd9], %r1;
            """,
            4);

        Assert.That(BitConverter.ToInt32(results), Is.EqualTo(-128 + (0x8003 - 0x10000) + 0x8003 + 3));
    }

    [Test]
    public void An_instruction_with_a_predicate_is_left_out_by_the_lanes_that_it_does_not_hold_for()
    {
        byte[] results = Run(
            """
            mov.u32 %r1, %tid.x;
            and.b32 %r2, %r1, 1;
            setp.eq.s32 %pp1, %r2, 0;
            mov.u32 %r0, 7;
            @%pp1 mov.u32 %r0, 9;
            @!%pp1 add.s32 %r0, %r0, 1;
            st.global.u32 [%rd9], %r0;
            """,
            4);

        Assert.That(
            Enumerable.Range(0, Threads).Select(i => BitConverter.ToInt32(results, 4 * i)),
            Is.EqualTo(Enumerable.Range(0, Threads).Select(i => i % 2 == 0 ? 9 : 8)));
    }

    [Test]
    public void An_unknown_opcode_is_an_error_that_names_kernel_and_line()
    {
        Load("frobnicate.s32 %r1, %r2;");

        Assert.That(() => Function("form"), Throws.InstanceOf<AssertionException>());
        Assert.That(SimtDouble.LastReport(), Does.Match(
            "kernel form cannot be run: PTX line [0-9]+: the executor does not know 'frobnicate.s32'"));
    }

    [TestCase("mov.u32 %r1, %tid.x; setp.lt.u32 %pp1, %r1, 20; @%pp1 mov.u32 %r2, 1; st.global.u32 [%rd9], %r2;",
        "uninitialised register: %r2 is read")]
    [TestCase("add.s32 %r1, %r2, 1;", "uninitialised register: %r2")]
    [TestCase("mov.u32 %r1, 4; shfl.sync.down.b32 %r0|%pp1, %r1, 1, 31, 0xffff;", "whose mask does not name it")]
    public void A_broken_text_is_caught(string text, string what)
    {
        Load(text);

        Good(Launch("form", new((1, 1), Threads), Allocate(8 * Threads)));

        Assert.That(Synchronize(), Is.EqualTo(719));
        Assert.That(SimtDouble.LastReport(), Does.Contain(what).And.Match(@"in kernel form at PTX line [0-9]+\s+by thread \([0-9]+,0,0\)"));
    }

    private void Load(string body)
    {
        _text = $$"""
            .version 8.4
            .target sm_90
            .address_size 64
            .visible .entry form(.param .u64 form_out)
            {
            .reg .pred %pp<8>;
            .reg .b16 %rs<8>;
            .reg .b32 %r<16>;
            .reg .f32 %f<8>;
            .reg .f64 %fd<8>;
            .reg .b64 %rd<16>;
            ld.param.u64 %rd9, [form_out];
            mov.u32 %r9, %tid.x;
            mov.u32 %r8, -1;
            mul.wide.u32 %rd8, %r9, 8;
            add.s64 %rd9, %rd9, %rd8;
            {{body}}
            ret;
            }
            """;
        Load();
    }

    private byte[] Run(string body, int bytes, int threads = Threads)
    {
        Load(body);
        ulong data = Allocate(8 * threads);
        Good(Launch("form", new((1, 1), (uint)threads), data));
        Good(Synchronize());
        byte[] all = Download<byte>(data, 8 * threads);
        return [.. Enumerable.Range(0, threads).SelectMany(i => all[(8 * i)..((8 * i) + bytes)])];
    }

    /// <summary>Puts an operand into a register and returns its name; an immediate stays in the text.</summary>
    private static string Operand(string operand, int number, StringBuilder body)
    {
        (string type, ulong bits) = Value(operand);
        if (type == "imm")
        {
            return $"0x{bits:x}";
        }

        string register = Register(type, number);
        body.AppendLine(type switch
        {
            "pred" => $"setp.ne.s32 {register}, {bits}, 0;",
            "f32" => $"mov.f32 {register}, 0f{bits:x8};",
            "f64" => $"mov.f64 {register}, 0d{bits:x16};",
            _ => $"mov.{type} {register}, 0x{bits:x};",
        });
        return register;
    }

    private static string Register(string type, int number) => type switch
    {
        "pred" => $"%pp{number}",
        "b16" => $"%rs{number}",
        "f32" => $"%f{number}",
        "f64" => $"%fd{number}",
        "b64" => $"%rd{number}",
        _ => $"%r{number}",
    };

    private static (string Type, ulong Bits) Value(string text)
    {
        string[] parts = text.Split(':');
        if (!parts[1].StartsWith('='))
        {
            return (parts[0], ulong.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }

        double number = double.Parse(parts[1][1..], CultureInfo.InvariantCulture);
        return (parts[0], parts[0] == "f32"
            ? BitConverter.SingleToUInt32Bits((float)number)
            : BitConverter.DoubleToUInt64Bits(number));
    }
}
