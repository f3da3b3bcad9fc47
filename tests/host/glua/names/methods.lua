-- The methods that the game's objects have on a server, by class, as its public wiki lists them.
local native = ...

native.game_methods = {
	Angle = [[
		Add Div Forward IsEqualTol IsZero Mul Normalize Random Right RotateAroundAxis Set SetUnpacked SnapTo Sub ToTable Unpack
		Up Zero
	]],
	CEffectData = [[
		GetAngles GetAttachment GetColor GetDamageType GetEntIndex GetEntity GetFlags GetHitBox GetMagnitude GetMaterialIndex
		GetNormal GetOrigin GetRadius GetScale GetStart GetSurfaceProp SetAngles SetAttachment SetColor SetDamageType SetEntIndex
		SetEntity SetFlags SetHitBox SetMagnitude SetMaterialIndex SetNormal SetOrigin SetRadius SetScale SetStart SetSurfaceProp
	]],
	CLuaLocomotion = [[
		Approach ClearStuck FaceTowards GetAcceleration GetAvoidAllowed GetClimbAllowed GetCurrentAcceleration GetDeathDropHeight
		GetDeceleration GetDesiredSpeed GetGravity GetGroundMotionVector GetGroundNormal GetJumpGapsAllowed GetJumpHeight
		GetMaxJumpHeight GetMaxYawRate GetNextBot GetStepHeight GetVelocity IsAreaTraversable IsAttemptingToMove
		IsClimbingOrJumping IsOnGround IsStuck IsUsingLadder Jump JumpAcrossGap SetAcceleration SetAvoidAllowed SetClimbAllowed
		SetDeathDropHeight SetDeceleration SetDesiredSpeed SetGravity SetJumpGapsAllowed SetJumpHeight SetMaxYawRate
		SetStepHeight SetVelocity
	]],
	CMoveData = [[
		AddKey GetAbsMoveAngles GetAngles GetButtons GetConstraintCenter GetConstraintRadius GetConstraintSpeedScale
		GetConstraintWidth GetFinalIdealVelocity GetFinalJumpVelocity GetFinalStepHeight GetForwardSpeed GetImpulseCommand
		GetMaxClientSpeed GetMaxSpeed GetMoveAngles GetOldAngles GetOldButtons GetOrigin GetSideSpeed GetUpSpeed GetVelocity
		KeyDown KeyPressed KeyReleased KeyWasDown SetAbsMoveAngles SetAngles SetButtons SetConstraintCenter SetConstraintRadius
		SetConstraintSpeedScale SetConstraintWidth SetFinalIdealVelocity SetFinalJumpVelocity SetFinalStepHeight SetForwardSpeed
		SetImpulseCommand SetMaxClientSpeed SetMaxSpeed SetMoveAngles SetOldAngles SetOldButtons SetOrigin SetSideSpeed
		SetUpSpeed SetVelocity
	]],
	CNavArea = [[
		AddAttributes AddHidingSpot AddToClosedList AddToOpenList ClearSearchLists ComputeAdjacentConnectionHeightChange
		ComputeDirection ComputeGroundHeightChange ConnectTo Contains Disconnect Draw DrawSpots GetAdjacentAreaDistances
		GetAdjacentAreas GetAdjacentAreasAtSide GetAdjacentCount GetAdjacentCountAtSide GetAttributes GetCenter
		GetClosestPointOnArea GetCorner GetCostSoFar GetExposedSpots GetExtentInfo GetHidingSpots GetID
		GetIncomingConnectionDistances GetIncomingConnections GetIncomingConnectionsAtSide GetLadders GetLaddersAtSide GetParent
		GetParentHow GetPlace GetRandomAdjacentAreaAtSide GetRandomPoint GetSizeX GetSizeY GetSpotEncounters GetTotalCost
		GetVisibleAreas GetZ HasAttributes IsBlocked IsClosed IsCompletelyVisible IsConnected IsConnectedAtSide IsCoplanar
		IsDamaging IsFlat IsOpen IsOpenListEmpty IsOverlapping IsOverlappingArea IsPartiallyVisible IsPotentiallyVisible
		IsRoughlySquare IsUnderwater IsValid IsVisible MarkAsBlocked MarkAsDamaging MarkAsUnblocked PlaceOnGround PopOpenList
		Remove RemoveAttributes RemoveFromClosedList SetAttributes SetCorner SetCostSoFar SetParent SetPlace SetTotalCost
		UpdateOnOpenList
	]],
	CNavLadder = [[
		ConnectTo Disconnect GetBottom GetBottomArea GetID GetLength GetNormal GetPosAtHeight GetTop GetTopBehindArea
		GetTopForwardArea GetTopLeftArea GetTopRightArea GetWidth IsConnectedAtSide IsValid Remove SetBottomArea SetTopBehindArea
		SetTopForwardArea SetTopLeftArea SetTopRightArea
	]],
	Color = [[
		AddBlackness AddBrightness AddHue AddLightness AddSaturation AddWhiteness Copy GetBlackness GetBrightness GetHue
		GetLightness GetSaturation GetWhiteness Lerp SetBlackness SetBrightness SetHue SetLightness SetSaturation SetUnpacked
		SetWhiteness ToHSL ToHSV ToHWB ToHex ToTable ToVector Unpack
	]],
	ConVar = [[
		GetBool GetDefault GetFlags GetFloat GetHelpText GetInt GetMax GetMin GetName GetString IsFlagSet Revert SetBool SetFloat
		SetInt SetString
	]],
	CRecipientFilter = [[
		AddAllPlayers AddPAS AddPVS AddPlayer AddPlayers AddRecipientsByTeam GetCount GetPlayers RemoveAllPlayers
		RemoveMismatchedPlayers RemovePAS RemovePVS RemovePlayer RemovePlayers RemoveRecipientsByTeam RemoveRecipientsNotOnTeam
	]],
	CSoundPatch = [[
		ChangePitch ChangeVolume FadeOut GetDSP GetPitch GetSoundLevel GetSoundName GetVolume IsPlaying Play PlayEx SetDSP
		SetSoundLevel Stop
	]],
	CTakeDamageInfo = [[
		AddDamage GetAmmoType GetAttacker GetBaseDamage GetDamage GetDamageBonus GetDamageCustom GetDamageForce GetDamagePosition
		GetDamageType GetInflictor GetMaxDamage GetReportedPosition GetWeapon IsBulletDamage IsDamageType IsExplosionDamage
		IsFallDamage ScaleDamage SetAmmoType SetAttacker SetBaseDamage SetDamage SetDamageBonus SetDamageCustom SetDamageForce
		SetDamagePosition SetDamageType SetInflictor SetMaxDamage SetReportedPosition SetWeapon SubtractDamage
	]],
	CUserCmd = [[
		AddKey ClearButtons ClearMovement CommandNumber GetButtons GetForwardMove GetImpulse GetMouseWheel GetMouseX GetMouseY
		GetSideMove GetUpMove GetViewAngles IsForced KeyDown RemoveKey SelectWeapon SetButtons SetForwardMove SetImpulse
		SetMouseWheel SetMouseX SetMouseY SetSideMove SetUpMove SetViewAngles TickCount
	]],
	Entity = [[
		Activate AddCallback AddEFlags AddEffects AddFlags AddGesture AddGestureSequence AddLayeredSequence AddSolidFlags
		AddSpawnFlags AddToMotionController AlignAngles Alive Blocked BodyTarget BoneHasFlag BoneLength BoundingRadius
		CallDTVarProxies CallOnRemove ClearAllOutputs ClearPoseParameters CollisionRulesChanged CopyBoneMatrix
		CreateBoneFollowers CreatedByMap DTVar DeleteOnRemove DestroyBoneFollowers DispatchTraceAttack Dissolve
		DontDeleteOnRemove DrawShadow DropToFloor EmitSound EnableConstraints EnableCustomCollisions EntIndex Extinguish
		EyeAngles EyePos FindBodygroupByName FindGestureLayer FindGestureSequenceLayer FindTransitionSequence Fire FireBullets
		FollowBone ForcePlayerDrop FrameAdvance GetAbsVelocity GetAngles GetAnimCount GetAnimInfo GetAnimTimeInterval
		GetAttachment GetAttachments GetBaseVelocity GetBloodColor GetBodyGroups GetBodygroup GetBodygroupCount GetBodygroupName
		GetBoneContents GetBoneController GetBoneCount GetBoneMatrix GetBoneName GetBoneParent GetBonePosition GetBoneSurfaceProp
		GetBrushPlane GetBrushPlaneCount GetBrushSurfaces GetCallbacks GetChildBones GetChildren GetClass GetCollisionBounds
		GetCollisionGroup GetColor GetColor4Part GetConstrainedEntities GetConstrainedPhysObjects GetCreationID GetCreationTime
		GetCreator GetCustomCollisionCheck GetCycle GetDTAngle GetDTBool GetDTEntity GetDTFloat GetDTInt GetDTString GetDTVector
		GetEFlags GetEditingData GetEffects GetElasticity GetFlags GetFlexBounds GetFlexIDByName GetFlexName GetFlexNum
		GetFlexScale GetFlexType GetFlexWeight GetForward GetFriction GetGravity GetGroundEntity GetGroundSpeedVelocity
		GetHitBoxBone GetHitBoxBounds GetHitBoxCount GetHitBoxGroupCount GetHitBoxHitGroup GetHitboxSet GetHitboxSetCount
		GetInternalVariable GetKeyValues GetLayerCycle GetLayerDuration GetLayerPlaybackRate GetLayerSequence GetLayerWeight
		GetLightingOriginEntity GetLocalAngles GetLocalAngularVelocity GetLocalPos GetManipulateBoneAngles
		GetManipulateBoneJiggle GetManipulateBonePosition GetManipulateBoneScale GetMaterial GetMaterialType GetMaterials
		GetMaxHealth GetModel GetModelBounds GetModelContents GetModelRadius GetModelRenderBounds GetModelScale
		GetMomentaryRotButtonPos GetMoveCollide GetMoveParent GetMoveType GetNPCClass GetNW2Angle GetNW2Bool GetNW2Entity
		GetNW2Float GetNW2Int GetNW2String GetNW2Var GetNW2VarProxy GetNW2VarTable GetNW2Vector GetNWAngle GetNWBool GetNWEntity
		GetNWFloat GetNWInt GetNWString GetNWVarProxy GetNWVarTable GetNWVector GetName GetNetworkOrigin GetNetworkVars
		GetNetworked2Angle GetNetworked2Bool GetNetworked2Entity GetNetworked2Float GetNetworked2Int GetNetworked2String
		GetNetworked2Var GetNetworked2VarProxy GetNetworked2VarTable GetNetworked2Vector GetNetworkedAngle GetNetworkedBool
		GetNetworkedEntity GetNetworkedFloat GetNetworkedInt GetNetworkedString GetNetworkedVar GetNetworkedVarProxy
		GetNetworkedVarTable GetNetworkedVector GetNoDraw GetNumBodyGroups GetNumPoseParameters GetOwner GetParent
		GetParentAttachment GetParentPhysNum GetParentWorldTransformMatrix GetPersistent GetPhysicsAttacker GetPhysicsObject
		GetPhysicsObjectCount GetPhysicsObjectNum GetPlaybackRate GetPos GetPoseParameter GetPoseParameterName
		GetPoseParameterRange GetPreferredCarryAngles GetRagdollOwner GetRenderFX GetRenderMode GetRight GetRotatedAABB
		GetSaveTable GetSequence GetSequenceActivity GetSequenceActivityName GetSequenceCount GetSequenceGroundSpeed
		GetSequenceInfo GetSequenceList GetSequenceMoveDist GetSequenceMoveYaw GetSequenceMovement GetSequenceName
		GetSequenceVelocity GetShouldPlayPickupSound GetShouldServerRagdoll GetSkin GetSolid GetSolidFlags GetSpawnEffect
		GetSpawnFlags GetSubMaterial GetSubModels GetSurroundingBounds GetTable GetTouchTrace GetTransmitWithParent
		GetUnFreezable GetUp GetVar GetVelocity GetWorkshopID GetWorldTransformMatrix GibBreakClient GibBreakServer
		HasBoneManipulations HasFlexManipulatior HasSpawnFlags HeadTarget Health Ignite Input InstallDataTable IsConstrained
		IsConstraint IsDormant IsEFlagSet IsEffectActive IsFlagSet IsInWorld IsLagCompensated IsLineOfSightClear
		IsMarkedForDeletion IsNPC IsNextBot IsOnFire IsOnGround IsPlayer IsPlayerHolding IsPlayingGesture IsPointInBounds
		IsRagdoll IsScripted IsSequenceFinished IsSolid IsValid IsValidLayer IsVehicle IsWeapon IsWidget IsWorld LocalToWorld
		LocalToWorldAngles LookupAttachment LookupBone LookupPoseParameter LookupSequence MakePhysicsObjectAShadow
		ManipulateBoneAngles ManipulateBoneJiggle ManipulateBonePosition ManipulateBoneScale MapCreationID MuzzleFlash
		NearestPoint NetworkVar NetworkVarElement NetworkVarNotify NextThink OBBCenter OBBMaxs OBBMins ObjectCaps OnGround
		PassesDamageFilter PassesFilter PhysWake PhysicsDestroy PhysicsFromMesh PhysicsInit PhysicsInitBox PhysicsInitConvex
		PhysicsInitMultiConvex PhysicsInitShadow PhysicsInitSphere PhysicsInitStatic PlayScene PointAtEntity PrecacheGibs
		RagdollSolve RagdollStopControlling RagdollUpdatePhysics Remove RemoveAllDecals RemoveAllGestures RemoveCallOnRemove
		RemoveCallback RemoveEFlags RemoveEffects RemoveFlags RemoveFromMotionController RemoveGesture RemoveInternalConstraint
		RemoveLayer RemoveSolidFlags RemoveSpawnFlags ResetSequence ResetSequenceInfo Respawn RestartGesture RestoreNetworkVars
		SelectWeightedSequence SelectWeightedSequenceSeeded SendViewModelMatchingSequence SequenceDuration SetAbsVelocity
		SetAngles SetAnimation SetAttachment SetBloodColor SetBodyGroups SetBodygroup SetBoneController SetBoneMatrix
		SetCollisionBounds SetCollisionBoundsWS SetCollisionGroup SetColor SetColor4Part SetCreator SetCustomCollisionCheck
		SetCycle SetDTAngle SetDTBool SetDTEntity SetDTFloat SetDTInt SetDTString SetDTVector SetElasticity SetEntity
		SetEyeTarget SetFlexScale SetFlexWeight SetFriction SetGravity SetGroundEntity SetHealth SetHitboxSet SetIK SetKeyValue
		SetLagCompensated SetLayerAutokill SetLayerBlendIn SetLayerBlendOut SetLayerCycle SetLayerDuration SetLayerLooping
		SetLayerPlaybackRate SetLayerPriority SetLayerSequence SetLayerWeight SetLightingOriginEntity SetLocalAngles
		SetLocalAngularVelocity SetLocalPos SetLocalVelocity SetMaterial SetMaxHealth SetMaxYawSpeed SetModel SetModelName
		SetModelScale SetMoveCollide SetMoveParent SetMoveType SetNPCClass SetNW2Angle SetNW2Bool SetNW2Entity SetNW2Float
		SetNW2Int SetNW2String SetNW2Var SetNW2VarProxy SetNW2Vector SetNWAngle SetNWBool SetNWEntity SetNWFloat SetNWInt
		SetNWString SetNWVarProxy SetNWVector SetName SetNetworkKeyValue SetNetworkOrigin SetNetworkVarsFromMapInput
		SetNetworked2Angle SetNetworked2Bool SetNetworked2Entity SetNetworked2Float SetNetworked2Int SetNetworked2String
		SetNetworked2Var SetNetworked2VarProxy SetNetworked2Vector SetNetworkedAngle SetNetworkedBool SetNetworkedEntity
		SetNetworkedFloat SetNetworkedInt SetNetworkedNumber SetNetworkedString SetNetworkedVar SetNetworkedVarProxy
		SetNetworkedVector SetNoDraw SetNotSolid SetOwner SetParent SetParentPhysNum SetPersistent SetPhysConstraintObjects
		SetPhysicsAttacker SetPlaybackRate SetPos SetPoseParameter SetPreventTransmit SetRagdollAng SetRagdollBuildFunction
		SetRagdollPos SetRenderFX SetRenderMode SetSaveValue SetSequence SetShouldPlayPickupSound SetShouldServerRagdoll SetSkin
		SetSolid SetSolidFlags SetSpawnEffect SetSpawnFlags SetSubMaterial SetSurroundingBounds SetSurroundingBoundsType SetTable
		SetTransmitWithParent SetTrigger SetUnFreezable SetUseType SetVar SetVelocity SetWeaponModel SkinCount Spawn
		StartLoopingSound StartMotionController StopLoopingSound StopMotionController StopParticles StopSound TakeDamage
		TakeDamageInfo TakePhysicsDamage TestPVS TranslateBoneToPhysBone TranslatePhysBoneToBone UpdateBoneFollowers Use
		UseClientSideAnimation UseTriggerBounds ViewModelIndex Visible VisibleVec WaterLevel Weapon_SetActivity
		Weapon_TranslateActivity WorldSpaceAABB WorldSpaceCenter WorldToLocal WorldToLocalAngles
	]],
	File = [[
		Close EndOfFile Flush Read ReadBool ReadByte ReadDouble ReadFloat ReadLine ReadLong ReadShort ReadUInt64 ReadULong
		ReadUShort Seek Size Skip Tell Write WriteBool WriteByte WriteDouble WriteFloat WriteLong WriteShort WriteUInt64
		WriteULong WriteUShort
	]],
	IMaterial = [[
		GetColor GetFloat GetInt GetKeyValues GetMatrix GetName GetShader GetString GetTexture GetVector GetVector4D
		GetVectorLinear Height IsError Recompute SetFloat SetInt SetMatrix SetShader SetString SetTexture SetUndefined SetVector
		SetVector4D Width
	]],
	IRestore = [[
		EndBlock ReadAngle ReadBool ReadEntity ReadFloat ReadInt ReadString ReadVector StartBlock
	]],
	ISave = [[
		EndBlock StartBlock WriteAngle WriteBool WriteEntity WriteFloat WriteInt WriteString WriteVector
	]],
	ITexture = [[
		Download GetColor GetMappingHeight GetMappingWidth GetName GetNumAnimationFrames Height IsError IsErrorTexture Width
	]],
	NextBot = [[
		BecomeRagdoll BodyMoveXY ClearLastKnownArea FindSpot FindSpots GetActivity GetFOV GetLastKnownArea GetMaxVisionRange
		GetRangeSquaredTo GetRangeTo GetSolidMask HandleStuck IsAbleToSee MoveToPos PlaySequenceAndWait SetFOV SetMaxVisionRange
		SetSolidMask StartActivity
	]],
	NPC = [[
		AddEntityRelationship AddRelationship AdvancePath AlertSound AutoMovement BecomeRagdoll CapabilitiesAdd CapabilitiesClear
		CapabilitiesGet CapabilitiesHas CapabilitiesRemove Classify ClearBlockingEntity ClearCondition ClearEnemyMemory
		ClearExpression ClearGoal ClearSchedule ConditionID ConditionName Disposition DropWeapon ExitScriptedSequence FearSound
		FoundEnemySound GetActiveWeapon GetActivity GetAimVector GetArrivalActivity GetArrivalDirection GetArrivalDistance
		GetArrivalSequence GetArrivalSpeed GetBestSoundHint GetBlockingEntity GetCurGoalType GetCurWaypointPos GetCurrentSchedule
		GetCurrentWeaponProficiency GetEnemy GetEnemyFirstTimeSeen GetEnemyLastKnownPos GetEnemyLastSeenPos GetEnemyLastTimeSeen
		GetExpression GetEyeDirection GetFOV GetGoalPos GetGoalTarget GetHeadDirection GetHullType GetIdealActivity
		GetIdealMoveAcceleration GetIdealMoveSpeed GetIdealSequence GetIdealYaw GetKnownEnemies GetKnownEnemyCount
		GetLastPosition GetLastTimeTookDamageFromEnemy GetMaxLookDistance GetMinMoveCheckDist GetMinMoveStopDist GetMoveDelay
		GetMoveInterval GetMoveVelocity GetMovementActivity GetMovementSequence GetNPCState GetNavType GetNearestSquadMember
		GetNextWaypointPos GetPathDistanceToGoal GetPathTimeToGoal GetShootPos GetSquad GetStepHeight GetTarget GetTaskStatus
		GetTimeEnemyLastReacquired GetViewOffset GetWeapon GetWeapons Give HasCondition HasEnemyEluded HasEnemyMemory
		HasObstacles IdleSound IgnoreEnemyUntil IsCrouching IsCurWaypointGoal IsCurrentSchedule IsFacingIdealYaw IsGoalActive
		IsInViewCone IsMoveYawLocked IsMoving IsRunningBehavior IsSquadLeader IsUnforgettable IsUnreachable LostEnemySound
		MaintainActivity MarkEnemyAsEluded MarkTookDamageFromEnemy MoveClimbExec MoveClimbStart MoveClimbStop MoveGroundStep
		MoveJumpExec MoveJumpStart MoveJumpStop MoveOrder MovePause MoveStart MoveStop NavSetGoal NavSetGoalPos NavSetGoalTarget
		NavSetRandomGoal NavSetWanderGoal PickupWeapon PlaySentence RememberUnreachable RemoveIgnoreConditions ResetIdealActivity
		ResetMoveCalc RunEngineTask SelectWeapon SentenceStop SetActivity SetArrivalActivity SetArrivalDirection
		SetArrivalDistance SetArrivalSequence SetArrivalSpeed SetCondition SetCurrentWeaponProficiency SetEnemy SetExpression
		SetFOV SetForceCrouch SetHullSizeNormal SetHullType SetIdealActivity SetIdealSequence SetIdealYaw SetIdealYawAndUpdate
		SetIgnoreConditions SetLastPosition SetMaxLookDistance SetMaxRouteRebuildTime SetMoveDelay SetMoveInterval
		SetMoveVelocity SetMoveYawLocked SetMovementActivity SetMovementSequence SetNPCState SetNavType SetSchedule SetSquad
		SetStepHeight SetTarget SetTaskStatus SetUnforgettable SetViewOffset StartEngineTask StopMoving TargetOrder TaskComplete
		TaskFail UpdateEnemyMemory UpdateTurnActivity UpdateYaw UseActBusyBehavior UseAssaultBehavior UseFollowBehavior
		UseFuncTankBehavior UseLeadBehavior UseNoBehavior
	]],
	PathFollower = [[
		Chase Compute Draw FirstSegment GetAge GetAllSegments GetClosestPosition GetCurrentGoal GetCursorData GetCursorPosition
		GetEnd GetGoalTolerance GetHindrance GetLength GetMinLookAheadDistance GetPositionOnPath GetStart Invalidate IsValid
		LastSegment MoveCursor MoveCursorTo MoveCursorToClosestPosition MoveCursorToEnd MoveCursorToStart NextSegment
		PriorSegment ResetAge SetGoalTolerance SetMinLookAheadDistance Update
	]],
	PhysCollide = [[
		Destroy IsValid TraceBox
	]],
	PhysObj = [[
		AddAngleVelocity AddGameFlag AddVelocity AlignAngles ApplyForceCenter ApplyForceOffset ApplyTorqueCenter
		CalculateForceOffset CalculateVelocityOffset ClearGameFlag ComputeShadowControl EnableCollisions EnableDrag EnableGravity
		EnableMotion GetAABB GetAngleVelocity GetAngles GetBuoyancyRatio GetContents GetDamping GetEnergy GetEntity
		GetFrictionSnapshot GetIndex GetInertia GetInvInertia GetInvMass GetMass GetMassCenter GetMaterial GetMesh
		GetMeshConvexes GetName GetPos GetPositionMatrix GetRotDamping GetShadowAngles GetShadowPos GetSpeedDamping GetStress
		GetSurfaceArea GetVelocity GetVelocityAtPoint GetVolume HasGameFlag IsAsleep IsCollisionEnabled IsDragEnabled
		IsGravityEnabled IsMotionEnabled IsMoveable IsPenetrating IsValid LocalToWorld LocalToWorldVector OutputDebugInfo
		RecheckCollisionFilter RotateAroundAxis SetAngleDragCoefficient SetAngleVelocity SetAngleVelocityInstantaneous SetAngles
		SetBuoyancyRatio SetContents SetDamping SetDragCoefficient SetInertia SetMass SetMaterial SetPos SetVelocity
		SetVelocityInstantaneous Sleep UpdateShadow Wake WorldToLocal WorldToLocalVector
	]],
	Player = [[
		AccountID AddCleanup AddCount AddDeaths AddFrags AddFrozenPhysicsObject AddVCDSequenceToGestureSlot AllowFlashlight
		AllowImmediateDecalPainting AnimResetGestureSlot AnimRestartGesture AnimRestartMainSequence AnimSetGestureSequence
		AnimSetGestureWeight Armor Ban CanUseFlashlight ChatPrint CheckLimit ConCommand CreateRagdoll CrosshairDisable
		CrosshairEnable Crouching Deaths DebugInfo DetonateTripmines DisableWorldClicking DoAnimationEvent DoAttackEvent
		DoCustomAnimEvent DoReloadEvent DoSecondaryAttack DrawViewModel DrawWorldModel DropNamedWeapon DropObject DropWeapon
		EnterVehicle EquipSuit ExitLadder ExitVehicle Flashlight FlashlightIsOn Frags Freeze GetActiveWeapon GetActivity
		GetAimVector GetAllowFullRotation GetAllowWeaponsInVehicle GetAmmo GetAmmoCount GetAvoidPlayers GetCanWalk GetCanZoom
		GetClassID GetCount GetCrouchedWalkSpeed GetCurrentCommand GetCurrentViewOffset GetDrivingEntity GetDrivingMode
		GetDuckSpeed GetEntityInUse GetEyeTrace GetEyeTraceNoCursor GetFOV GetHands GetHoveredWidget GetHull GetHullDuck GetInfo
		GetInfoNum GetJumpPower GetLadderClimbSpeed GetLaggedMovementValue GetMaxArmor GetMaxSpeed GetNoCollideWithTeammates
		GetObserverMode GetObserverTarget GetPData GetPlayerColor GetPlayerInfo GetPressedWidget GetPreviousWeapon GetPunchAngle
		GetRagdollEntity GetRenderAngles GetRunSpeed GetShootPos GetSlowWalkSpeed GetStepSize GetSuitPower GetTimeoutSeconds
		GetTool GetUnDuckSpeed GetUseEntity GetUserGroup GetVehicle GetViewEntity GetViewModel GetViewOffset GetViewOffsetDucked
		GetViewPunchAngles GetViewPunchVelocity GetWalkSpeed GetWeapon GetWeaponColor GetWeapons Give GiveAmmo GodDisable
		GodEnable HasGodMode HasWeapon IPAddress InVehicle IsAdmin IsBot IsConnected IsDrivingEntity IsFrozen
		IsFullyAuthenticated IsListenServerHost IsPlayingTaunt IsSpeaking IsSprinting IsSuitEquipped IsSuperAdmin IsTimingOut
		IsTyping IsUserGroup IsWalking IsWorldClicking IsWorldClickingDisabled KeyDown KeyDownLast KeyPressed KeyReleased Kick
		Kill KillSilent LagCompensation LastHitGroup LimitHit LocalEyeAngles Lock MotionSensorPos Name Nick OwnerSteamID64
		PacketLoss PhysgunUnfreeze PickupObject PickupWeapon Ping PlayStepSound PrintMessage RemoveAllAmmo RemoveAllItems
		RemoveAmmo RemovePData RemoveSuit ResetHull Say ScreenFade SelectWeapon SendHint SendLua SetActiveWeapon SetActivity
		SetAllowFullRotation SetAllowWeaponsInVehicle SetAmmo SetArmor SetAvoidPlayers SetCanWalk SetCanZoom SetClassID
		SetCrouchedWalkSpeed SetCurrentViewOffset SetDSP SetDeaths SetDrivingEntity SetDuckSpeed SetEyeAngles SetFOV SetFrags
		SetHands SetHoveredWidget SetHull SetHullDuck SetJumpPower SetLadderClimbSpeed SetLaggedMovementValue SetLastHitGroup
		SetMaxArmor SetMaxSpeed SetNoCollideWithTeammates SetNoTarget SetObserverMode SetPData SetPlayerColor SetPressedWidget
		SetRenderAngles SetRunSpeed SetSlowWalkSpeed SetStepSize SetSuitPower SetSuppressPickupNotices SetTeam SetUnDuckSpeed
		SetUserGroup SetViewEntity SetViewOffset SetViewOffsetDucked SetViewPunchAngles SetViewPunchVelocity SetWalkSpeed
		SetWeaponColor SetupHands ShouldDropWeapon SimulateGravGunDrop SimulateGravGunPickup Spectate SpectateEntity SprayDecal
		SprintDisable SprintEnable StartSprinting StartWalking SteamID SteamID64 StopSprinting StopWalking StopZooming StripAmmo
		StripWeapon StripWeapons SuppressHint SwitchToDefaultWeapon Team TimeConnected TraceHullAttack TranslateWeaponActivity
		UnLock UnSpectate UnfreezePhysicsObjects UniqueID UniqueIDTable UserID ViewPunch ViewPunchReset
	]],
	Vector = [[
		Add Angle AngleEx Cross DistToSqr Distance Distance2D Distance2DSqr Div Dot DotProduct GetNegated GetNormal GetNormalized
		IsEqualTol IsZero Length Length2D Length2DSqr LengthSqr Mul Negate Normalize Random Rotate Set SetUnpacked Sub ToColor
		ToTable Unpack WithinAABox Zero
	]],
	Vehicle = [[
		BoostTimeLeft CheckExitPoint EnableEngine GetCameraDistance GetDriver GetHLSpeed GetMaxSpeed GetOperatingParams
		GetPassenger GetPassengerSeatPoint GetRPM GetSpeed GetSteering GetSteeringDegrees GetThirdPersonMode GetThrottle
		GetVehicleClass GetVehicleParams GetVehicleViewPosition GetWheel GetWheelBaseHeight GetWheelContactPoint GetWheelCount
		GetWheelTotalHeight HasBoost HasBrakePedal IsBoosting IsEngineEnabled IsEngineStarted IsValidVehicle IsVehicleBodyInWater
		ReleaseHandbrake SetBoost SetCameraDistance SetHandbrake SetHasBrakePedal SetMaxReverseThrottle SetMaxThrottle
		SetSpringLength SetSteering SetSteeringDegrees SetThirdPersonMode SetThrottle SetVehicleClass SetVehicleEntryAnim
		SetVehicleParams SetWheelFriction StartEngine
	]],
	VMatrix = [[
		Add GetAngles GetField GetForward GetInverse GetInverseTR GetRight GetScale GetTranslation GetTransposed GetUp Identity
		Invert InvertTR IsIdentity IsRotationMatrix IsZero Mul Rotate Scale ScaleTranslation Set SetAngles SetField SetForward
		SetRight SetScale SetTranslation SetUnpacked SetUp Sub ToTable Translate Unpack Zero
	]],
	Weapon = [[
		AllowsAutoSwitchFrom AllowsAutoSwitchTo CallOnClient Clip1 Clip2 DefaultReload GetActivity GetDeploySpeed GetHoldType
		GetMaxClip1 GetMaxClip2 GetNextPrimaryFire GetNextSecondaryFire GetPrimaryAmmoType GetPrintName GetSecondaryAmmoType
		GetSlot GetSlotPos GetWeaponViewModel GetWeaponWorldModel GetWeight HasAmmo IsWeaponVisible LastShootTime SendWeaponAnim
		SetActivity SetClip1 SetClip2 SetDeploySpeed SetHoldType SetLastShootTime SetNextPrimaryFire SetNextSecondaryFire
	]],
}
