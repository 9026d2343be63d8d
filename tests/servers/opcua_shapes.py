"""What a controller's server has besides plain variables: structures, arrays of several kinds, methods. Orders: move, grow, calls."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua, uamethod
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field


class Shapes:
    """The nodes ``Robot.Pose``, ``Robot.Axes``, ``Row``, ``Grid``, ``Robot.Start`` …, all below the object ``Robot``."""

    def __init__(self, server: Server, index: int) -> None:
        self.server = server
        self.index = index
        self.calls: list[Any] = []
        self.delay_s = 0.0

    def _id(self, name: str) -> Any:
        return ua.NodeId(name, self.index)

    async def build(self) -> None:
        """Make types, variables and methods."""
        server, index = self.server, self.index
        gear = await new_enum(server, index, "Gear", ["Park", "Low", "High"])
        point, _ = await new_struct(server, index, "Point", [new_struct_field(axis, ua.VariantType.Double) for axis in "XYZ"])
        pose, _ = await new_struct(
            server,
            index,
            "Pose",
            [
                new_struct_field("Name", ua.VariantType.String),
                new_struct_field("At", point.nodeid),
                new_struct_field("Gear", gear.nodeid),
                new_struct_field("Loads", ua.VariantType.Int16, array=True),
                new_struct_field("call", ua.VariantType.Boolean),
            ],
        )
        axis, _ = await new_struct(
            server,
            index,
            "Axis",
            [
                new_struct_field("Position", ua.VariantType.Float),
                new_struct_field("Torque", ua.VariantType.Double, optional=True),
                new_struct_field("Corners", point.nodeid, array=True),
            ],
        )
        either, _ = await new_struct(
            server,
            index,
            "Either",
            [new_struct_field("Number", ua.VariantType.UInt32), new_struct_field("Text", ua.VariantType.String)],
            is_union=True,
        )
        await server.load_data_type_definitions()
        robot = await server.nodes.objects.add_object(self._id("Robot"), "Robot")
        await self._variables(robot, pose.nodeid, axis.nodeid, either.nodeid)
        await self._methods(robot)

    async def _variables(self, robot: Any, pose: Any, axis: Any, either: Any) -> None:
        axes = [ua.Axis(Position=float(n), Torque=None if n else 0.5, Corners=[ua.Point(n, 2.0, 3.0)] * 2) for n in range(3)]
        add = robot.add_variable
        await add(self._id("Robot.Pose"), "Pose", self.pose(1.5), datatype=pose)
        await add(self._id("Robot.Axes"), "Axes", axes, datatype=axis)
        await add(self._id("Robot.Either"), "Either", ua.Either(Encoding=2, Value="text"), datatype=either)
        await add(self._id("Robot.Range"), "Range", ua.Range(Low=-5.0, High=5.0))
        await add(self._id("Row"), "Row", ua.Variant([1.0, 2.0, 3.0, 4.0], ua.VariantType.Double))
        await add(self._id("Grid"), "Grid", ua.Variant([[1, 2, 3], [4, 5, 6]], ua.VariantType.Int32))
        await add(self._id("Odd#1"), "Odd#1", 7.0)

    def pose(self, x: float) -> Any:
        return ua.Pose(Name="home", At=ua.Point(x, -2.0, 0.25), Gear=2, Loads=[-1, 7], call=True)

    async def _methods(self, robot: Any) -> None:
        @uamethod
        async def start(parent: Any) -> None:
            await asyncio.sleep(self.delay_s)
            self.calls.append("start")

        @uamethod
        def speed(parent: Any, value: float) -> Any:
            if value > 100.0:
                return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
            self.calls.append(value)
            return None

        @uamethod
        def both(parent: Any, one: float, two: float) -> None:
            self.calls.append((one, two))

        await robot.add_method(self._id("Robot.Start"), "Start", start, [], [])
        await robot.add_method(self._id("Robot.Speed"), "Speed", speed, [ua.VariantType.Float], [])
        await robot.add_method(self._id("Robot.Both"), "Both", both, [ua.VariantType.Double, ua.VariantType.Double], [])
        other = await self.server.nodes.objects.add_object(self._id("Other"), "Other")
        shared = await other.add_method(self._id("Shared"), "Shared", start, [], [])
        await robot.add_reference(shared, ua.ObjectIds.HasComponent)
        # The library tells only one side of such a reference when it is asked backwards.
        await shared.add_reference(robot, ua.ObjectIds.HasComponent, forward=False)

    async def write(self, name: str, value: Any) -> None:
        data = ua.DataValue(value, SourceTimestamp=datetime.now(UTC))
        await self.server.iserver.aspace.write_attribute_value(self._id(name), ua.AttributeIds.Value, data)

    # -- orders --------------------------------------------------------------------------------------------------

    async def move(self, x: float) -> None:
        await self.write("Robot.Pose", ua.Variant(self.pose(x)))

    async def row(self, values: list[float]) -> None:
        await self.write("Row", ua.Variant(values, ua.VariantType.Double))

    async def choose(self, encoding: int, value: Any) -> None:
        await self.write("Robot.Either", ua.Variant(ua.Either(Encoding=encoding, Value=value)))

    async def misfit(self) -> None:
        """The pose with a byte too many, as after a program download that the server did not tell of."""
        honest = ua.ua_binary.struct_to_binary(self.pose(9.0))
        type_id = ua.typeid_by_extension_objects[ua.Pose]
        await self.write("Robot.Pose", ua.Variant(ua.ExtensionObject(type_id, honest + b"\0"), ua.VariantType.ExtensionObject))

    async def called(self) -> list[Any]:
        return self.calls

    async def slow(self, seconds: float) -> None:
        self.delay_s = seconds
