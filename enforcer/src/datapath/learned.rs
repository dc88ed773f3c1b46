//! What devices were seen to learn, in the map that the program looks it up in.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};
use aya::maps::{HashMap, Map, MapData, MapError, RingBuf};
use enforcer_common::learned::LearnedKey;

use super::Datapath;

/// A handle of its own on the pinned map, so that learning waits for nothing else.
#[derive(Debug)]
pub struct LearnedMap(HashMap<MapData, LearnedKey, u32>);

impl LearnedMap {
    /// Opens the map pinned in a directory.
    ///
    /// # Errors
    /// When it is not there, or cannot be opened.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = directory.join("LEARNED");
        let data = MapData::from_pin(&path)
            .with_context(|| format!("cannot open the map {}", path.display()))?;
        Ok(Self(HashMap::try_from(Map::HashMap(data))?))
    }

    /// Notes something learned, until a second of the monotonic clock.
    ///
    /// # Errors
    /// When the map takes no more.
    pub fn learn(&mut self, key: &LearnedKey, until: u32) -> Result<()> {
        self.0
            .insert(key, until, 0)
            .context("no more addresses can be learned")
    }

    /// Forgets something, be it known or not.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn forget(&mut self, key: &LearnedKey) -> Result<()> {
        match self.0.remove(key) {
            Err(MapError::SyscallError(error)) if error.io_error.kind() == ErrorKind::NotFound => {
                Ok(())
            }
            removed => removed.context("cannot forget a learned address"),
        }
    }

    /// Until which second of the monotonic clock something holds; 0 where it is not known.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn until(&self, key: &LearnedKey) -> Result<u32> {
        match self.0.get(key, 0) {
            Ok(until) => Ok(until),
            Err(MapError::KeyNotFound) => Ok(0),
            Err(error) => Err(error).context("cannot look up a learned address"),
        }
    }

    /// Everything learned, as [`Datapath::learned`].
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn all(&self) -> Result<Vec<(LearnedKey, u32)>> {
        self.0.iter().collect::<Result<_, _>>().map_err(Into::into)
    }
}

impl Datapath {
    /// Notes something learned, until a second of the monotonic clock.
    ///
    /// # Errors
    /// When the map takes no more.
    pub fn learn(&mut self, key: &LearnedKey, until: u32) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("LEARNED")
            .context("the object holds no map LEARNED")?;
        let mut map: HashMap<&mut MapData, LearnedKey, u32> = map.try_into()?;
        map.insert(key, until, 0)
            .context("no more addresses can be learned")
    }

    /// Everything learned, with the second of the monotonic clock until which it holds.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn learned(&self) -> Result<Vec<(LearnedKey, u32)>> {
        let map = self
            .ebpf
            .map("LEARNED")
            .context("the object holds no map LEARNED")?;
        let map: HashMap<&MapData, LearnedKey, u32> = map.try_into()?;
        map.iter().collect::<Result<_, _>>().map_err(Into::into)
    }

    /// Forgets what holds no longer at a second of the monotonic clock; says how much.
    ///
    /// # Errors
    /// When the map cannot be read or written.
    pub fn forget_learned(&mut self, second: u32) -> Result<usize> {
        let old: Vec<LearnedKey> = self
            .learned()?
            .into_iter()
            .filter_map(|(key, until)| (until <= second).then_some(key))
            .collect();
        let map = self
            .ebpf
            .map_mut("LEARNED")
            .context("the object holds no map LEARNED")?;
        let mut map: HashMap<&mut MapData, LearnedKey, u32> = map.try_into()?;
        for key in &old {
            // Gone already is as good.
            let _ = map.remove(key);
        }
        Ok(old.len())
    }

    /// The ring buffer of frames to learn from, for the one reader that it can have.
    ///
    /// # Errors
    /// When it was taken before.
    pub fn take_lessons(&mut self) -> Result<RingBuf<MapData>> {
        let map = self.ebpf.take_map("LESSONS");
        Ok(RingBuf::try_from(
            map.context("the lessons have a reader already")?,
        )?)
    }
}
