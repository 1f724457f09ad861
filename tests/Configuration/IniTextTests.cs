using Engine.Configuration;

namespace Engine.Tests.Configuration;

/// <summary>The results agree with Python 3.11's ConfigParser, with comments after values and repeated keys.</summary>
public class IniTextTests
{
    // RawConfigParser(strict=False, inline_comment_prefixes=('#', ';')), only the sections' own keys, in lower case.
    [TestCase("[global]\ndevice = gpu\nfloatX: float32\n", "global.device=gpu | global.floatx=float32")]
    [TestCase("[nvcc] fastmath = True\nflags = -O3\n", "nvcc.flags=-O3")]
    [TestCase(
        "[global]\ndevice = gpu  # use gpu\nfloatX = float32 ; single\nmode = a#b;c\n",
        "global.device=gpu | global.floatx=float32 | global.mode=a#b;c")]
    [TestCase("[global]\n# a comment\n; another\n\n   # indented\ndevice=gpu\n", "global.device=gpu")]
    [TestCase(
        "[gcc]\ncxxflags = -O3\n    -march=native\n\t-ffast-math\n[global]\ndevice=cpu\n",
        "gcc.cxxflags=-O3\n-march=native\n-ffast-math | global.device=cpu")]
    [TestCase("[gcc]\ncxxflags =\n  -O3\n  # not this\n  -g\n", "gcc.cxxflags=\n-O3\n-g")]
    [TestCase("[gcc]\ncxxflags = -O3\n\n  -g\n\n[global]\nx = 1\n", "gcc.cxxflags=-O3\n\n-g | global.x=1")]
    [TestCase("[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\nl = 4\n", "a.k=3 | a.l=4 | b.k=2")]
    [TestCase("[global]\nDEVICE = gpu\nDevice = cpu\n", "global.device=cpu")]
    [TestCase(" [global]\n device = gpu\n\tfloatX = float32\n", "global.device=gpu | global.floatx=float32")]
    [TestCase("[global]\ndevice = gpu\n  floatX = float32\n", "global.device=gpu\nfloatX = float32")]
    [TestCase("[blas]\nldflags = -L/usr/lib -lopenblas = :\n", "blas.ldflags=-L/usr/lib -lopenblas = :")]
    [TestCase("[blas]\nldflags =\n[lib]\ncnmem=1\n", "blas.ldflags= | lib.cnmem=1")]
    [TestCase("[mode]=FAST_RUN\n[global]\ndevice=cpu\n", "global.device=cpu")]
    [TestCase("[a b]\nmy key = my value\n", "a b.my key=my value")]
    [TestCase("[global]\r\ndevice = gpu\r\n\r\nfloatX = float32\r\n", "global.device=gpu | global.floatx=float32")]
    [TestCase("[cuda]\nroot=C:\\Program Files\\CUDA;x\n", "cuda.root=C:\\Program Files\\CUDA;x")]
    [TestCase("[dnn.conv]\nalgo_fwd=time_once\n", "dnn.conv.algo_fwd=time_once")]
    [TestCase(
        "[global]\nkey=value with = and : in it\nother:=x\n", "global.key=value with = and : in it | global.other==x")]
    [TestCase("[global]\ndevice = gpu\n#\n  -x\n", "global.device=gpu\n-x")]
    [TestCase("[global]\na = 1\n   \n b = 2\n", "global.a=1\n\nb = 2")]
    [TestCase("", "")]
    public void A_text_says_what_Pythons_ConfigParser_takes_it_to_say(string text, string expected)
    {
        var sections = new OrderedDictionary<string, OrderedDictionary<string, string>>();
        foreach (IniLine line in IniText.Parse("rc", text))
        {
            sections.TryAdd(line.Section, []);
            if (line.Key is not null)
            {
                sections[line.Section][line.Key.ToLowerInvariant()] = line.Value;
            }
        }

        Assert.That(
            string.Join(" | ", sections.SelectMany(section => section.Value.Select(pair =>
                $"{section.Key}.{pair.Key}={pair.Value}"))),
            Is.EqualTo(expected));
    }

    [TestCase("device = gpu\n", "rc, line 1: 'device = gpu' stands before any section; write [global] above it.")]
    [TestCase("[global]\ndevice\n", "rc, line 2: 'device' is neither [section] nor key = value nor a # comment.")]
    [TestCase("[global]\n= gpu\n", "rc, line 2: '= gpu' is neither [section] nor key = value nor a # comment.")]
    public void What_Python_refuses_is_refused_with_its_line(string text, string message) => Assert.That(
        () => IniText.Parse("rc", text), Throws.TypeOf<EngineException>().With.Message.EqualTo(message));

    // shlex.shlex(text, posix=True) with whitespace = ',' and whitespace_split, as in theano/configparser.py.
    [TestCase("a,b", "a|b")]
    [TestCase("device=gpu0, lib.cnmem=0.5", "device=gpu0|lib.cnmem=0.5")]
    [TestCase("gcc.cxxflags='-O3,-g',device=cpu", "gcc.cxxflags=-O3,-g|device=cpu")]
    [TestCase(@"a=b\,c,d=e", "a=b,c|d=e")]
    [TestCase("device=cpu#x,floatX=32", "device=cpu")]
    [TestCase("a=\"x y\",b", "a=x y|b")]
    [TestCase(",,a=1,", "a=1")]
    [TestCase("", "")]
    public void Flags_are_split_as_Pythons_shlex_splits_them(string text, string expected) => Assert.That(
        string.Join('|', Flags.Read("F", _ => text)
            .Select(flag => flag.Value is null ? flag.Key : $"{flag.Key}={flag.Value}")),
        Is.EqualTo(expected));

    [Test]
    public void A_quote_that_is_not_closed_is_refused() => Assert.That(
        () => Flags.Read("F", _ => "a=it's").ToArray(),
        Throws.TypeOf<EngineException>().With.Message.EqualTo("$F: a quote (') is not closed."));
}
