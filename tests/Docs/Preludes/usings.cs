// For pages whose snippets omit their usings.
using Engine;
using Engine.Compile;
using Engine.Data;
using Engine.Devices;
using Engine.Graph;
using Engine.IO;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using static Engine.Layers.Initial;
using static Engine.Ops.Symbolic;
using static Engine.Training.Updates;
using Input = Engine.Layers.Input;
